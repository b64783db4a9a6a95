package dev.palimpsest.eval.decoding;

/**
 * Uniform random numbers of one sample. They depend only on the seed in the settings, the prompt's
 * stream and the sample's number, and not on the batch, its order, or the Java version.
 */
final class Draws {
  private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

  private long state;

  Draws(long seed, long stream, int sample) {
    this.state = mix(mix(mix(seed) + stream) + sample);
  }

  /** The next number, at least 0 and below 1. */
  double next() {
    state += GOLDEN_GAMMA;
    return (mix(state) >>> 11) * 0x1p-53;
  }

  /** The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
  private static long mix(long z) {
    long y = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    y = (y ^ (y >>> 27)) * 0x94d049bb133111ebL;
    return y ^ (y >>> 31);
  }
}
