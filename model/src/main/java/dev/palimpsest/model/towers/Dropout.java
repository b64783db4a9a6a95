package dev.palimpsest.model.towers;

/**
 * Determines which elements are dropped: a function of the run's seed, the mixture position, the
 * decoder block and the block's branch, so that a step can be repeated bit for bit.
 *
 * <p>Every (position, block, branch) has a seed of its own. libtorch's CPU generator only uses the
 * low 32 bits of a seed, so these are a permutation of a counter rather than a hash: among 2^32
 * consecutive counts (tens of millions of positions, for a decoder of 26 blocks) no two are equal.
 * The run's seed and the high bits of the counter choose the permutation.
 *
 * @param rate fraction of elements that are dropped, 0 for none
 * @param seed of the run and stage
 * @param position mixture position where the micro batch begins
 */
public record Dropout(double rate, long seed, long position) {
  /** No dropout. */
  public static final Dropout NONE = new Dropout(0, 0, 0);

  /** The two places in a decoder block where elements are dropped. */
  enum Branch {
    ATTENTION,
    MLP
  }

  /** Checks the range of the rate. */
  public Dropout {
    if (!(rate >= 0 && rate < 1)) {
      throw new IllegalArgumentException(
          "the dropout rate must be at least 0 and below 1, got " + rate);
    }
  }

  /**
   * The seed of one mask.
   *
   * @param block number of the decoder block, from 0
   * @param depth number of decoder blocks
   */
  long seed(int block, int depth, Branch branch) {
    long counter = 2 * (position * depth + block) + (branch == Branch.MLP ? 1 : 0);
    long key = mixed(seed ^ mixed(counter >>> 32));
    int low = permuted((int) counter ^ (int) key) ^ (int) (key >>> 32);
    return mixed(key ^ counter) << 32 | Integer.toUnsignedLong(permuted(low));
  }

  /** A permutation of 64-bit numbers in which every bit affects all others (SplitMix64). */
  private static long mixed(long x) {
    long z = x + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** The same for 32 bits (MurmurHash3's finaliser). */
  private static int permuted(int x) {
    int z = (x ^ (x >>> 16)) * 0x85EBCA6B;
    z = (z ^ (z >>> 13)) * 0xC2B2AE35;
    return z ^ (z >>> 16);
  }
}
