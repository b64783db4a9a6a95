package dev.palimpsest.mixtures.duplicates;

import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * 64-bit hashes, searched by Hamming distance (multi-index hashing: Norouzi, Punjani and Fleet
 * 2012, "Fast search in Hamming space with multi-index hashing").
 *
 * <p>A hash is divided into four parts of 16 bits. Two hashes within r bits agree within r / 4 bits
 * in at least one part, so it suffices to search, for each part, the buckets of values that are
 * that near. With a million hashes and 12 bits, 2,788 buckets of 15 entries are searched instead of
 * a million hashes. Each hash takes 24 bytes. Immutable and thread-safe.
 */
final class HashIndex {
  private static final int PARTS = 4;
  private static final int PART_BITS = 16;
  private static final int BUCKETS = 1 << PART_BITS;

  /** All 16-bit values, those with the fewest bits first. */
  private static final int[] FLIPS = new int[BUCKETS];

  /** How many of them have at most k bits. */
  private static final int[] WITHIN = new int[PART_BITS + 1];

  static {
    int count = 0;
    for (int bits = 0; bits <= PART_BITS; bits++) {
      for (int flip = 0; flip < BUCKETS; flip++) {
        if (Integer.bitCount(flip) == bits) {
          FLIPS[count++] = flip;
        }
      }
      WITHIN[bits] = count;
    }
  }

  private final long[] hashes;

  /** [part][bucket]: where the bucket's entries begin. */
  private final int[][] starts = new int[PARTS][];

  /** [part]: positions of hashes, bucket by bucket. */
  private final int[][] entries = new int[PARTS][];

  /**
   * Builds an index.
   *
   * @param hashes may contain equal ones
   */
  HashIndex(long[] hashes) {
    this.hashes = hashes.clone();
    for (int part = 0; part < PARTS; part++) {
      int[] start = new int[BUCKETS + 1];
      for (long hash : hashes) {
        start[part(hash, part) + 1]++;
      }
      for (int bucket = 0; bucket < BUCKETS; bucket++) {
        start[bucket + 1] += start[bucket];
      }
      int[] next = Arrays.copyOf(start, BUCKETS);
      int[] sorted = new int[hashes.length];
      for (int i = 0; i < hashes.length; i++) {
        sorted[next[part(hashes[i], part)]++] = i;
      }
      starts[part] = start;
      entries[part] = sorted;
    }
  }

  private static int part(long hash, int part) {
    return (int) (hash >>> (part * PART_BITS)) & (BUCKETS - 1);
  }

  /**
   * Positions of all hashes within a distance, each once, in no particular order.
   *
   * @param radius differing bits, 0 to 64
   */
  void near(long hash, int radius, IntConsumer found) {
    int each = radius / PARTS;
    if ((long) PARTS * WITHIN[each] >= hashes.length) {
      // So many buckets that comparing every hash is less work.
      for (int i = 0; i < hashes.length; i++) {
        if (Long.bitCount(hash ^ hashes[i]) <= radius) {
          found.accept(i);
        }
      }
      return;
    }
    for (int part = 0; part < PARTS; part++) {
      int own = part(hash, part);
      for (int flip = 0; flip < WITHIN[each]; flip++) {
        int bucket = own ^ FLIPS[flip];
        for (int at = starts[part][bucket]; at < starts[part][bucket + 1]; at++) {
          int position = entries[part][at];
          long difference = hash ^ hashes[position];
          if (Long.bitCount(difference) <= radius && !foundBefore(difference, part, each)) {
            found.accept(position);
          }
        }
      }
    }
  }

  /** The hash at a position. */
  long hash(int position) {
    return hashes[position];
  }

  /** Whether an earlier part is near enough to have found the same hash. */
  private static boolean foundBefore(long difference, int part, int each) {
    for (int earlier = 0; earlier < part; earlier++) {
      if (Integer.bitCount(part(difference, earlier)) <= each) {
        return true;
      }
    }
    return false;
  }
}
