package dev.palimpsest.mixtures.playground;

import java.util.List;
import java.util.Random;

/** Uniform draws. */
final class Lots {
  private Lots() {}

  /** A whole number, both ends included. */
  static int between(Random random, int low, int high) {
    return low + random.nextInt(high - low + 1);
  }

  /** One of several. */
  static <T> T pick(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }
}
