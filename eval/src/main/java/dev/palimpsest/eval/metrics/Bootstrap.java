package dev.palimpsest.eval.metrics;

import dev.palimpsest.eval.metrics.MetricResult.Headline;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Resamples examples, or clusters of them, with replacement. The same seed, iterations and examples
 * give the same bits.
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

  /** An interval between two percentiles. */
  public record Interval(double low, double high) {}

  /** Standard deviation over the resamples; empty for fewer than two examples. */
  OptionalDouble standardError(int n, Headline headline) {
    return standardError(alone(n), headline);
  }

  /** The same for examples in clusters, which are drawn as a whole; empty for fewer than two. */
  OptionalDouble standardError(int[][] clusters, Headline headline) {
    return clusters.length < 2
        ? OptionalDouble.empty()
        : Statistics.standardDeviation(resamples(clusters, headline));
  }

  /** The interval that excludes the same share of resamples on either side. */
  Interval interval(int n, Headline headline) {
    return interval(alone(n), headline);
  }

  /** The same for examples in clusters, which are drawn as a whole. */
  Interval interval(int[][] clusters, Headline headline) {
    return interval(resamples(clusters, headline));
  }

  /** The same of resamples, which are sorted by this. */
  Interval interval(double[] values) {
    Arrays.sort(values);
    double tail = (1 - level) / 2;
    return new Interval(percentile(values, tail), percentile(values, 1 - tail));
  }

  static int[][] alone(int n) {
    return IntStream.range(0, n).mapToObj(i -> new int[] {i}).toArray(int[][]::new);
  }

  /** The headline of each resample. */
  double[] resamples(int[][] clusters, Headline headline) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[iterations];
    int[][] drawn = new int[clusters.length][];
    for (int i = 0; i < iterations; i++) {
      int size = 0;
      for (int j = 0; j < drawn.length; j++) {
        drawn[j] = clusters[random.nextInt(clusters.length)];
        size += drawn[j].length;
      }
      int[] examples = new int[size];
      int at = 0;
      for (int[] cluster : drawn) {
        System.arraycopy(cluster, 0, examples, at, cluster.length);
        at += cluster.length;
      }
      values[i] = headline.of(examples);
    }
    return values;
  }

  /** Interpolates linearly between neighbours, as numpy.percentile does by default. */
  private static double percentile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) Math.floor(at);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
