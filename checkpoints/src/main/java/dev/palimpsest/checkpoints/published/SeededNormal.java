package dev.palimpsest.checkpoints.published;

import java.nio.ByteBuffer;

/**
 * Standard normal numbers that depend only on the seed and a name, on every machine: SplitMix64
 * (Steele et al. 2014) as a counter, Box-Muller in {@link StrictMath}.
 */
final class SeededNormal {
  private long state;
  private double spare = Double.NaN;

  SeededNormal(long seed, String name) {
    state = mix(seed) + name.hashCode();
  }

  /** Fills memory with normal float32 values. */
  void fill(ByteBuffer memory, double deviation) {
    while (memory.hasRemaining()) {
      memory.putFloat((float) (next() * deviation));
    }
  }

  double next() {
    if (!Double.isNaN(spare)) {
      double value = spare;
      spare = Double.NaN;
      return value;
    }
    double radius = StrictMath.sqrt(-2 * StrictMath.log(uniform()));
    double angle = 2 * Math.PI * uniform();
    spare = radius * StrictMath.sin(angle);
    return radius * StrictMath.cos(angle);
  }

  /** A uniform number in (0, 1]. */
  private double uniform() {
    state += 0x9e3779b97f4a7c15L;
    return ((mix(state) >>> 11) + 1) * 0x1p-53;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
