package dev.palimpsest.mixtures.order;

/**
 * A keyed pseudo-random permutation of [0, size): a balanced Feistel network over the next even
 * number of bits, walked along its cycle until it lands inside (Black and Rogaway 2002, "Ciphers
 * with arbitrary finite domains"). It takes less than four steps on average and no memory.
 */
public final class Permutation {
  private static final int ROUNDS = 6;

  private Permutation() {}

  /**
   * The image of a position.
   *
   * @param position in [0, size)
   * @param size at least 1, at most 2^62
   */
  public static long at(long position, long size, long key) {
    int half = (64 - Long.numberOfLeadingZeros(size - 1) + 1) / 2;
    long mask = (1L << half) - 1;
    long value = position;
    do {
      long left = value >>> half;
      long right = value & mask;
      for (int round = 0; round < ROUNDS; round++) {
        long mixed = SplitMix.mix(SplitMix.mix(key + round) ^ right) & mask;
        long next = left ^ mixed;
        left = right;
        right = next;
      }
      value = left << half | right;
    } while (value >= size);
    return value;
  }
}
