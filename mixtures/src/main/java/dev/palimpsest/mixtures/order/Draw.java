package dev.palimpsest.mixtures.order;

import java.util.ArrayList;
import java.util.List;

/**
 * Random numbers for one use of a row. They depend on (seed, stage, global position) alone, so that
 * a run that is resumed, or spread over workers, draws the same ones. Not thread-safe.
 */
public final class Draw {
  private static final Draw IN_ORDER = new Draw(0, true);

  private final long key;
  private final boolean inOrder;
  private long drawn;

  private Draw(long key, boolean inOrder) {
    this.key = key;
    this.inOrder = inOrder;
  }

  /** The random numbers of a position. */
  public static Draw at(long seed, String stage, long position) {
    return new Draw(SplitMix.mix(SplitMix.mix(SplitMix.mix(seed) + hash(stage)) ^ position), false);
  }

  /**
   * No randomness, for scoring: always the first of several options, lists in their own order,
   * nothing altered.
   */
  public static Draw inOrder() {
    return IN_ORDER;
  }

  /** Whether this is {@link #inOrder()}. */
  public boolean isInOrder() {
    return inOrder;
  }

  /**
   * Independent random numbers for one purpose: they do not depend on how many were drawn for other
   * purposes.
   */
  public Draw of(String purpose) {
    return inOrder ? this : new Draw(SplitMix.mix(key ^ SplitMix.mix(hash(purpose))), false);
  }

  private static long hash(String text) {
    long hash = 0;
    for (int i = 0; i < text.length(); i++) {
      hash = SplitMix.mix(hash + text.charAt(i));
    }
    return hash;
  }

  /** A number in [0, 1); 0 in order. */
  public double uniform() {
    return inOrder ? 0 : (SplitMix.mix(key + drawn++) >>> 11) * 0x1.0p-53;
  }

  /** A number in [0, bound); 0 in order. */
  public int below(int bound) {
    if (bound < 1) {
      throw new IllegalArgumentException("cannot draw a number below " + bound);
    }
    return (int) (uniform() * bound);
  }

  /** Whether something of this probability happens; never in order. */
  public boolean chance(double probability) {
    return !inOrder && uniform() < probability;
  }

  /** An index, each as likely as its weight; the first with a weight in order. */
  public int weighted(List<Double> weights) {
    double sum = 0;
    int last = -1;
    for (int i = 0; i < weights.size(); i++) {
      sum += weights.get(i);
      last = weights.get(i) > 0 ? i : last;
    }
    double left = uniform() * sum;
    for (int i = 0; i < last; i++) {
      left -= weights.get(i);
      if (weights.get(i) > 0 && left < 0) {
        return i;
      }
    }
    return last;
  }

  /** One of several; the first in order. */
  public <T> T one(List<T> options) {
    return options.get(below(options.size()));
  }

  /** A copy in random order (Fisher and Yates); unchanged in order. */
  public <T> List<T> shuffled(List<T> list) {
    List<T> shuffled = new ArrayList<>(list);
    for (int i = shuffled.size() - 1; i > 0 && !inOrder; i--) {
      int other = below(i + 1);
      T swapped = shuffled.get(i);
      shuffled.set(i, shuffled.get(other));
      shuffled.set(other, swapped);
    }
    return shuffled;
  }
}
