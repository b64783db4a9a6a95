package dev.palimpsest.mixtures.duplicates;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The result of a search.
 *
 * @param reference what was searched for
 * @param pools one per training pool, in order
 * @param duplicates in the order of pools and positions
 */
public record DuplicateReport(
    Reference reference, List<PoolResult> pools, List<Duplicate> duplicates) {
  /** Keeps unmodifiable copies. */
  public DuplicateReport {
    pools = List.copyOf(pools);
    duplicates = List.copyOf(duplicates);
  }

  /**
   * The report of a whole search from those of its parts.
   *
   * @param parts in order, of the same search
   */
  public static DuplicateReport merged(List<DuplicateReport> parts) {
    List<PoolResult> pools = new ArrayList<>(parts.get(0).pools);
    List<Duplicate> duplicates = new ArrayList<>(parts.get(0).duplicates);
    for (DuplicateReport part : parts.subList(1, parts.size())) {
      for (int i = 0; i < pools.size(); i++) {
        pools.set(i, pools.get(i).plus(part.pools.get(i)));
      }
      duplicates.addAll(part.duplicates);
    }
    duplicates.sort(
        Comparator.comparingInt(Duplicate::pool).thenComparingLong(Duplicate::position));
    return new DuplicateReport(parts.get(0).reference, pools, duplicates);
  }

  /**
   * The evaluation's side.
   *
   * @param examples number of examples examined
   * @param pictures number of pictures with distinct bytes
   * @param flat how many of these have no detail and can only be found by their bytes
   * @param texts number of prompts and references that are long enough to be found
   * @param shortTexts number of those that are too short
   * @param unreadable examples or pictures that could not be read
   */
  public record Reference(
      long examples, long pictures, long flat, long texts, long shortTexts, long unreadable) {}

  /**
   * A training pool.
   *
   * @param name the task's name
   * @param examples number of examples examined
   * @param samePicture examples with a picture whose bytes occur in the evaluation
   * @param nearPicture other examples with a picture that occurs there altered
   * @param sameText other examples whose text occurs there
   * @param leftOut of all three, those that count as duplicates
   * @param unreadable examples that could not be read and were not compared
   */
  public record PoolResult(
      String name,
      long examples,
      long samePicture,
      long nearPicture,
      long sameText,
      long leftOut,
      long unreadable) {
    PoolResult plus(PoolResult other) {
      return new PoolResult(
          name,
          examples + other.examples,
          samePicture + other.samePicture,
          nearPicture + other.nearPicture,
          sameText + other.sameText,
          leftOut + other.leftOut,
          unreadable + other.unreadable);
    }

    /** The share of examples that count as duplicates. */
    public double share() {
      return examples == 0 ? 0 : (double) leftOut / examples;
    }
  }

  /** The evidence that an example occurs in the evaluation. */
  public enum Evidence {
    /** Identical bytes of a picture. */
    SAME_PICTURE,
    /** An altered picture. */
    NEAR_PICTURE,
    /** Shared runs of words. */
    TEXT
  }

  /**
   * A training example that occurs in the evaluation, with its strongest evidence.
   *
   * @param pool position of its pool
   * @param position in its pool
   * @param id its id
   * @param evidence the kind of evidence
   * @param picture which of its pictures; -1 for text
   * @param bits differing bits of the nearest hashes; 0 for the same bytes and for text
   * @param measure for pictures the distance, 0 for the same; for text the share of the evaluation
   *     text's runs that occur here
   * @param referencePool name of the evaluation's pool
   * @param referencePosition in that pool
   * @param referenceId its id
   * @param referencePicture which of its pictures; -1 for text
   * @param leftOut whether it counts as a duplicate; a text alone counts only if the example has no
   *     picture or the search was asked to count texts
   */
  public record Duplicate(
      int pool,
      long position,
      String id,
      Evidence evidence,
      int picture,
      int bits,
      double measure,
      String referencePool,
      long referencePosition,
      String referenceId,
      int referencePicture,
      boolean leftOut) {
    /** The evidence in a few words. */
    public String reason() {
      String where = referencePool + "/" + referenceId;
      return switch (evidence) {
        case SAME_PICTURE -> "same picture as " + where;
        case NEAR_PICTURE ->
            String.format(
                java.util.Locale.ROOT,
                "picture of %s (%d bits, distance %.2f)",
                where,
                bits,
                measure);
        case TEXT ->
            String.format(
                java.util.Locale.ROOT, "text of %s (%.0f %% of its runs)", where, 100 * measure);
      };
    }
  }
}
