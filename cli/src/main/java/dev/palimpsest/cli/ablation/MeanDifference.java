package dev.palimpsest.cli.ablation;

import dev.palimpsest.eval.metrics.Statistics;
import java.util.List;

/**
 * A two-sided t test of paired differences.
 *
 * @param difference their mean
 * @param standardError of the mean
 * @param pairs how many differences there are
 * @param p the probability of a mean at least this far from 0 if there were no difference; NaN
 *     where it is not defined, as for a single pair
 */
record MeanDifference(double difference, double standardError, int pairs, double p) {
  /** Below this probability a difference counts as significant. */
  static final double SIGNIFICANT = 0.05;

  /**
   * Tests differences of several groups, whose means count equally, such as the tasks of a suite.
   *
   * @param groups the differences of each, at least one
   */
  static MeanDifference of(List<double[]> groups) {
    double mean = 0;
    double variance = 0;
    int pairs = 0;
    for (double[] differences : groups) {
      mean += Statistics.mean(differences) / groups.size();
      double error = Statistics.standardError(differences).orElse(Double.NaN) / groups.size();
      variance += error * error;
      pairs += differences.length;
    }
    double error = Math.sqrt(variance);
    return new MeanDifference(mean, error, pairs, p(mean, error, pairs - groups.size()));
  }

  /** Whether there is a difference beyond chance. */
  boolean isSignificant() {
    return p < SIGNIFICANT;
  }

  private static double p(double mean, double error, int freedom) {
    if (freedom < 1 || Double.isNaN(error)) {
      return Double.NaN;
    }
    if (error == 0) {
      return mean == 0 ? 1 : 0;
    }
    return tails(Math.abs(mean) / error, freedom);
  }

  /**
   * The probability of both tails of Student's distribution beyond t, by the finite series for
   * whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
   */
  static double tails(double t, int freedom) {
    double angle = Math.atan(t / Math.sqrt(freedom));
    double cosine = Math.cos(angle);
    boolean odd = freedom % 2 == 1;
    double term = odd ? cosine : 1;
    double sum = freedom == 1 ? 0 : term;
    for (int k = odd ? 3 : 2; k <= freedom - 2; k += 2) {
      term *= cosine * cosine * (k - 1) / k;
      sum += term;
    }
    double within = odd ? 2 / Math.PI * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
    return Math.min(1, Math.max(0, 1 - within));
  }
}
