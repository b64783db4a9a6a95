package dev.palimpsest.eval.metrics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Means and their errors, as lm-evaluation-harness and lmms-eval define them. */
public final class Statistics {
  private Statistics() {}

  /** Arithmetic mean. */
  public static double mean(double[] scores) {
    double sum = 0;
    for (double score : scores) {
      sum += score;
    }
    return sum / scores.length;
  }

  /** Sample standard deviation, divided by n - 1. Empty for fewer than two scores. */
  public static OptionalDouble standardDeviation(double[] scores) {
    if (scores.length < 2) {
      return OptionalDouble.empty();
    }
    double mean = mean(scores);
    double squares = 0;
    for (double score : scores) {
      squares += (score - mean) * (score - mean);
    }
    return OptionalDouble.of(Math.sqrt(squares / (scores.length - 1)));
  }

  /** Standard error of the mean, {@code sd / sqrt(n)}. Empty for fewer than two scores. */
  public static OptionalDouble standardError(double[] scores) {
    OptionalDouble deviation = standardDeviation(scores);
    return deviation.isEmpty()
        ? deviation
        : OptionalDouble.of(deviation.getAsDouble() / Math.sqrt(scores.length));
  }

  /**
   * Standard error of the mean when examples come in clusters, such as several questions about one
   * image (Miller 2024, Adding Error Bars to Evals): the variance gains the covariances inside each
   * cluster.
   *
   * @param clusters the cluster of each score
   */
  public static OptionalDouble clusteredStandardError(double[] scores, List<?> clusters) {
    if (scores.length != clusters.size()) {
      throw new IllegalArgumentException(
          scores.length + " scores need as many clusters, got " + clusters.size());
    }
    OptionalDouble plain = standardError(scores);
    if (plain.isEmpty()) {
      return plain;
    }
    double mean = mean(scores);
    Map<Object, double[]> sums = new HashMap<>();
    double squares = 0;
    for (int i = 0; i < scores.length; i++) {
      double rest = scores[i] - mean;
      sums.computeIfAbsent(clusters.get(i), c -> new double[1])[0] += rest;
      squares += rest * rest;
    }
    double covariances = -squares;
    for (double[] sum : sums.values()) {
      covariances += sum[0] * sum[0];
    }
    double n = scores.length;
    double variance = plain.getAsDouble() * plain.getAsDouble() + covariances / (n * n);
    return OptionalDouble.of(Math.sqrt(Math.max(0, variance)));
  }

  /**
   * Standard error of a group's size-weighted mean from its members' errors: the members' sample
   * variances pooled, then divided by all examples.
   */
  public static double pooledStandardError(double[] standardErrors, long[] sizes) {
    if (standardErrors.length != sizes.length) {
      throw new IllegalArgumentException(
          standardErrors.length + " errors need as many sizes, got " + sizes.length);
    }
    double squares = 0;
    long all = 0;
    for (int i = 0; i < sizes.length; i++) {
      squares += (sizes[i] - 1) * standardErrors[i] * standardErrors[i] * sizes[i];
      all += sizes[i];
    }
    return Math.sqrt(squares / (all - sizes.length) / all);
  }
}
