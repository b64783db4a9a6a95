package dev.palimpsest.mixtures.duplicates;

import java.util.List;

/**
 * What a search found.
 *
 * @param reference what was searched for
 * @param pools one a training pool, in order
 * @param duplicates in the order of pools and positions
 */
public record DuplicateReport(
    Reference reference, List<PoolResult> pools, List<Duplicate> duplicates) {
  /** Copies. */
  public DuplicateReport {
    pools = List.copyOf(pools);
    duplicates = List.copyOf(duplicates);
  }

  /**
   * The evaluation's side.
   *
   * @param examples looked through
   * @param pictures distinct by their bytes
   * @param flat of these, those without detail, which are found by their bytes alone
   * @param texts prompts and references long enough to be found
   * @param shortTexts those too short for that
   * @param unreadable examples or pictures that could not be read
   */
  public record Reference(
      long examples, long pictures, long flat, long texts, long shortTexts, long unreadable) {}

  /**
   * A training pool.
   *
   * @param name the task's
   * @param examples looked through
   * @param samePicture examples with a picture whose bytes stand in the evaluation
   * @param nearPicture other examples with a picture that nearly stands there
   * @param sameText other examples whose text stands there
   * @param leftOut of all three, those that count as duplicates
   * @param unreadable examples that could not be read, and so not compared
   */
  public record PoolResult(
      String name,
      long examples,
      long samePicture,
      long nearPicture,
      long sameText,
      long leftOut,
      long unreadable) {
    /** Share of the examples that count as duplicates. */
    public double share() {
      return examples == 0 ? 0 : (double) leftOut / examples;
    }
  }

  /** How an example is known to stand in the evaluation. */
  public enum Evidence {
    /** A picture's bytes. */
    SAME_PICTURE,
    /** A picture, altered. */
    NEAR_PICTURE,
    /** Runs of words. */
    TEXT
  }

  /**
   * A training example that stands in the evaluation, by its strongest evidence.
   *
   * @param pool position of its pool
   * @param position in its pool
   * @param id its id
   * @param evidence why
   * @param picture which of its pictures; -1 for text
   * @param bits differing bits of the nearest hashes; 0 for the same bytes and for text
   * @param measure for pictures the distance, 0 for the same; for text the share of the evaluation
   *     text's runs found here
   * @param referencePool name of the evaluation's pool
   * @param referencePosition in that pool
   * @param referenceId its id
   * @param referencePicture which of its pictures; -1 for text
   * @param leftOut whether it counts as a duplicate; a text alone does only where the example has
   *     no picture, or the search was told so
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
    /** In a few words. */
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
