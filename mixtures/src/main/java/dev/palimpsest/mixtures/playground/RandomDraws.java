package dev.palimpsest.mixtures.playground;

import java.util.List;
import java.util.Random;

/** Uniform random draws. */
final class RandomDraws {
  private RandomDraws() {}

  /** An integer between two bounds, both inclusive. */
  static int between(Random random, int low, int high) {
    return low + random.nextInt(high - low + 1);
  }

  /** An element of a list. */
  static <T> T pick(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }
}
