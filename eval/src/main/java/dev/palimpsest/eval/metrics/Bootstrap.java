package dev.palimpsest.eval.metrics;

import dev.palimpsest.eval.metrics.MetricResult.Headline;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/**
 * Resamples examples with replacement. The same seed, iterations and examples give the same bits.
 *
 * @param iterations resamples
 * @param seed of the draws
 * @param level coverage of intervals, in (0, 1)
 */
public record Bootstrap(int iterations, long seed, double level) {
  /** 1000 resamples, seed 0, 95% intervals. */
  public static final Bootstrap STANDARD = new Bootstrap(1000, 0, 0.95);

  /** Checks ranges. */
  public Bootstrap {
    if (iterations < 2) {
      throw new IllegalArgumentException("iterations must be at least 2, got " + iterations);
    }
    if (!(level > 0 && level < 1)) {
      throw new IllegalArgumentException("level must lie between 0 and 1, got " + level);
    }
  }

  /** Lower and upper percentile. */
  public record Interval(double low, double high) {}

  /** Standard deviation over the resamples; empty for fewer than two examples. */
  OptionalDouble standardError(int n, Headline headline) {
    return n < 2 ? OptionalDouble.empty() : Statistics.standardDeviation(resamples(n, headline));
  }

  /** The interval that leaves the same share of resamples on either side. */
  Interval interval(int n, Headline headline) {
    double[] values = resamples(n, headline);
    Arrays.sort(values);
    double tail = (1 - level) / 2;
    return new Interval(percentile(values, tail), percentile(values, 1 - tail));
  }

  private double[] resamples(int n, Headline headline) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[iterations];
    int[] drawn = new int[n];
    for (int i = 0; i < iterations; i++) {
      for (int j = 0; j < n; j++) {
        drawn[j] = random.nextInt(n);
      }
      values[i] = headline.of(drawn);
    }
    return values;
  }

  /** Linear between the neighbours, as numpy.percentile does by default. */
  private static double percentile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) Math.floor(at);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
