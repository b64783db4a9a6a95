package dev.palimpsest.checkpoints.published;

import java.nio.ByteBuffer;

/**
 * Values of one parameter, each a function of only the seed, the parameter's name and the element's
 * index. So any thread can compute any part of it, in any order of its axes, and the parameter is
 * the same in every layout.
 *
 * <p>An index becomes 64 random bits by two rounds of a 32-bit mixer (Chris Wellons' "lowbias32"),
 * and these the sum of four uniform 16-bit numbers: a bell curve that ends at 3.46 standard
 * deviations.
 */
final class DrawnValues {
  /** Elements computed at a time, so that they stay in a core's first-level cache. */
  private static final int BLOCK = 1 << 12;

  /** The deviation of the sum of four integers that are uniform between -2^15 and 2^15 - 1. */
  private static final double SUM_DEVIATION = 65536 / Math.sqrt(3);

  private static final int SUM_MEAN = -2;

  /** The bits of the float32 2^23, at which one unit in the last place is 1. */
  private static final int ONES = 0x4b000000;

  /** Added to make a sum positive. */
  private static final int LIFT = 1 << 17;

  private static final int[] COUNT = new int[BLOCK];

  static {
    for (int i = 0; i < BLOCK; i++) {
      COUNT[i] = i;
    }
  }

  private final int firstKey;
  private final int secondKey;
  private final float mean;
  private final float scale;

  /**
   * A parameter's values.
   *
   * @param mean of the values
   * @param deviation of the values; 0 for a constant
   */
  DrawnValues(long seed, String name, double mean, double deviation) {
    long key = mix(mix(seed + 0x9e3779b97f4a7c15L) + name.hashCode());
    this.firstKey = (int) key;
    this.secondKey = (int) (key >>> 32);
    this.mean = (float) mean;
    this.scale = (float) (deviation / SUM_DEVIATION);
  }

  /**
   * Fills memory with every {@code stride}-th value.
   *
   * @param first index of the first
   * @param memory float32 in native order, filled to its limit
   */
  void fill(long first, long stride, ByteBuffer memory) {
    float[] values = new float[Math.min(BLOCK, memory.remaining() / Float.BYTES)];
    int[] bits = new int[values.length];
    int[] more = new int[values.length];
    long at = first;
    while (memory.hasRemaining()) {
      int n = Math.min(BLOCK, memory.remaining() / Float.BYTES);
      ByteBuffer part = memory.slice(memory.position(), n * Float.BYTES).order(memory.order());
      // Short loops over one type each, since the compiler vectorises no others.
      place((int) at, (int) stride, bits, n);
      mix(bits, bits, firstKey, n);
      mix(bits, more, secondKey, n);
      sum(bits, more, n);
      part.asIntBuffer().put(bits, 0, n);
      part.asFloatBuffer().get(values, 0, n);
      scale(values, n);
      part.asFloatBuffer().put(values, 0, n);
      memory.position(memory.position() + n * Float.BYTES);
      at += n * stride;
    }
  }

  private static void place(int first, int stride, int[] places, int n) {
    for (int i = 0; i < n; i++) {
      places[i] = first + COUNT[i] * stride;
    }
  }

  private static void mix(int[] from, int[] to, int key, int n) {
    for (int i = 0; i < n; i++) {
      int x = from[i] ^ key;
      x ^= x >>> 16;
      x *= 0x7feb352d;
      x ^= x >>> 15;
      x *= 0x846ca68b;
      to[i] = x ^ (x >>> 16);
    }
  }

  /** The sum of the four 16-bit halves, made positive, as the last bits of a float32. */
  private static void sum(int[] bits, int[] more, int n) {
    for (int i = 0; i < n; i++) {
      int x = bits[i];
      int y = more[i];
      bits[i] = (LIFT + ((x << 16) >> 16) + (x >> 16) + ((y << 16) >> 16) + (y >> 16)) | ONES;
    }
  }

  private void scale(float[] values, int n) {
    float zero = Float.intBitsToFloat(ONES) + LIFT + SUM_MEAN;
    for (int i = 0; i < n; i++) {
      values[i] = mean + (values[i] - zero) * scale;
    }
  }

  /** SplitMix64's finaliser (Steele et al. 2014). */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
