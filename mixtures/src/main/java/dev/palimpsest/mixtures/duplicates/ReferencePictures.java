package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The distinct pictures of an evaluation, by number, found again by their bytes or, altered, by
 * their hashes. Pictures are added by one thread, then sealed, then looked up by any number.
 */
final class ReferencePictures {
  /**
   * The largest difference between a copy and its original ({@link PictureSketch#distance}):
   * altered copies of pictures with detail stay below 0.35, different pictures are above 1.
   */
  static final double SAME = 0.5;

  /** The most candidates that are compared, those with the fewest differing bits first. */
  private static final int COMPARED = 64;

  private static final int SKETCHES_KEPT = 512;

  private final List<Pool> pools;
  private final int threshold;
  private final PictureTable numbers = new PictureTable();
  private int[] ofPool = new int[256];
  private long[] positions = new long[256];
  private int[] pictures = new int[256];

  /** Hashes of all pictures, until they are sealed, and the picture that each belongs to. */
  private long[] hashes = new long[256];

  private int[] owners = new int[256];
  private int hashCount;
  private HashIndex index = new HashIndex(new long[0]);

  private final Map<Integer, PictureSketch> sketches =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, PictureSketch> eldest) {
          return size() > SKETCHES_KEPT;
        }
      };

  /**
   * Where a picture is.
   *
   * @param pool number of its pool
   * @param position of its example in the pool
   * @param which of the example's pictures
   */
  record Place(int pool, long position, int which) {}

  /**
   * A picture that another is a copy of.
   *
   * @param picture its number
   * @param bits in which their nearest hashes differ; -1 if the bytes are equal
   * @param distance {@link PictureSketch#distance}
   */
  record Match(int picture, int bits, double distance) {}

  /**
   * Creates an empty table.
   *
   * @param pools from which pictures are decoded again when they are compared
   * @param threshold bits in which hashes of candidates may differ
   */
  ReferencePictures(List<Pool> pools, int threshold) {
    this.pools = pools;
    this.threshold = threshold;
  }

  /**
   * Adds a picture unless its bytes are known.
   *
   * @param sketch null if the picture is known
   * @return whether it is new, and too flat to be recognised when altered
   */
  boolean add(Place place, PictureTable.Key key, @Nullable PictureSketch sketch) {
    int number = numbers.size();
    if (numbers.putIfAbsent(key, number) != number) {
      return false;
    }
    if (number == ofPool.length) {
      ofPool = Arrays.copyOf(ofPool, 2 * number);
      positions = Arrays.copyOf(positions, 2 * number);
      pictures = Arrays.copyOf(pictures, 2 * number);
    }
    ofPool[number] = place.pool;
    positions[number] = place.position;
    pictures[number] = place.which;
    if (sketch == null || sketch.flat()) {
      return true;
    }
    for (long hash : sketch.hashes()) {
      if (hashCount == hashes.length) {
        hashes = Arrays.copyOf(hashes, 2 * hashCount);
        owners = Arrays.copyOf(owners, 2 * hashCount);
      }
      hashes[hashCount] = hash;
      owners[hashCount++] = number;
    }
    return false;
  }

  /** Ends the adding; only now are altered copies found. */
  void seal() {
    index = new HashIndex(Arrays.copyOf(hashes, hashCount));
    hashes = new long[0];
  }

  /** The number of pictures. */
  int size() {
    return numbers.size();
  }

  /** The number of the picture with these bytes; {@link PictureTable#ABSENT} if there is none. */
  int find(PictureTable.Key key) {
    return numbers.get(key);
  }

  /** Where the picture of a number is. */
  Place place(int picture) {
    return new Place(ofPool[picture], positions[picture], pictures[picture]);
  }

  /**
   * The picture that a sketch is a copy of: of the candidates with similar hashes, the one whose
   * worst difference is smallest.
   *
   * @return null when there is none within {@link #SAME}, or the sketch is flat
   */
  @Nullable Match nearest(PictureSketch sketch) {
    if (sketch.flat()) {
      return null;
    }
    Map<Integer, Integer> bits = new LinkedHashMap<>();
    for (long hash : sketch.hashes()) {
      index.near(
          hash,
          threshold,
          at -> bits.merge(owners[at], Long.bitCount(hash ^ index.hash(at)), Math::min));
    }
    return bits.entrySet().stream()
        .sorted(Map.Entry.<Integer, Integer>comparingByValue().thenComparing(Map.Entry::getKey))
        .limit(COMPARED)
        .map(
            candidate -> {
              PictureSketch other = sketch(candidate.getKey());
              double distance = other == null ? Double.MAX_VALUE : sketch.distance(other);
              return new Match(candidate.getKey(), candidate.getValue(), distance);
            })
        .filter(match -> match.distance <= SAME)
        .min(Comparator.comparingDouble(Match::distance).thenComparingInt(Match::picture))
        .orElse(null);
  }

  /** The sketch of an evaluation picture, decoded again unless it was needed recently. */
  private @Nullable PictureSketch sketch(int picture) {
    synchronized (sketches) {
      PictureSketch kept = sketches.get(picture);
      if (kept != null) {
        return kept;
      }
    }
    Place place = place(picture);
    try {
      Example example = pools.get(place.pool).examples().apply(place.position);
      ImageReference image = example.images().get(place.which);
      PictureSketch sketch = PictureSketch.of(image.decode());
      synchronized (sketches) {
        sketches.put(picture, sketch);
      }
      return sketch;
    } catch (IOException | BadExampleException e) {
      return null; // it was readable before: the file has been removed since
    }
  }
}
