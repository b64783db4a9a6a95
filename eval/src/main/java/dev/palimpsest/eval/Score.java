package dev.palimpsest.eval;

import java.util.Arrays;

/**
 * A mean with its uncertainty.
 *
 * @param value the mean, in [0, 1] for fractions
 * @param standardError standard deviation of {@code value} over samples of other examples of the
 *     same kind; 0 if there is only one example
 * @param n the number of things that {@code value} is a mean over: examples for exact match,
 *     supervised tokens for token accuracy; if 0, the value is meaningless
 */
public record Score(double value, double standardError, long n) {
  /**
   * A ratio of sums with one pair per example: {@code sum(hits) / sum(counts)}. The units of one
   * example are not independent of each other, so the standard error treats whole examples as
   * sampled (the ratio estimator: {@code sqrt(k / (k-1) * sum((hits_i - value * counts_i)^2)) /
   * sum(counts)} for k examples). With every count 1 this is the standard error of a mean.
   */
  static Score ofRatio(long[] hits, long[] counts) {
    long allHits = 0;
    long all = 0;
    for (int i = 0; i < hits.length; i++) {
      allHits += hits[i];
      all += counts[i];
    }
    if (all == 0) {
      return new Score(0, 0, 0);
    }
    double value = (double) allHits / all;
    double squares = 0;
    for (int i = 0; i < hits.length; i++) {
      double rest = hits[i] - value * counts[i];
      squares += rest * rest;
    }
    int k = hits.length;
    double standardError = k < 2 ? 0 : Math.sqrt(squares * k / (k - 1)) / all;
    return new Score(value, standardError, all);
  }

  /** The mean of one number for each example; those that are not finite are left out. */
  static Score ofMean(double[] values) {
    double[] finite = Arrays.stream(values).filter(Double::isFinite).toArray();
    int n = finite.length;
    double mean = Arrays.stream(finite).average().orElse(0);
    double squares = Arrays.stream(finite).map(value -> (value - mean) * (value - mean)).sum();
    return new Score(mean, n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n), n);
  }

  /**
   * The exponential of the mean loss of a token, each token counting once; {@code n} is the number
   * of tokens. Its standard error treats whole examples as sampled, and is that of the mean loss
   * times the value (the delta method).
   *
   * @param losses mean loss of each example's tokens; those that are not finite are left out
   * @param tokens of each example
   */
  static Score perplexity(double[] losses, long[] tokens) {
    long all = 0;
    double sum = 0;
    int k = 0;
    for (int i = 0; i < losses.length; i++) {
      if (Double.isFinite(losses[i])) {
        all += tokens[i];
        sum += losses[i] * tokens[i];
        k++;
      }
    }
    if (all == 0) {
      return new Score(0, 0, 0);
    }
    double mean = sum / all;
    double squares = 0;
    for (int i = 0; i < losses.length; i++) {
      if (Double.isFinite(losses[i])) {
        double rest = (losses[i] - mean) * tokens[i];
        squares += rest * rest;
      }
    }
    double value = Math.exp(mean);
    double error = k < 2 ? 0 : Math.sqrt(squares * k / (k - 1)) / all;
    return new Score(value, value * error, all);
  }
}
