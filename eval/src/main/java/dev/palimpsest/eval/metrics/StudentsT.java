package dev.palimpsest.eval.metrics;

/**
 * Student's distribution.
 *
 * @param freedom whole degrees of freedom; below 1 nothing is defined, and everything is NaN
 */
record StudentsT(int freedom) {
  /** The probability of a mean at least as far from 0 as one with this standard error. */
  double tails(double mean, double error) {
    if (freedom < 1 || Double.isNaN(error)) {
      return Double.NaN;
    }
    if (error == 0) {
      return mean == 0 ? 1 : 0;
    }
    return tails(Math.abs(mean) / error);
  }

  /**
   * The probability of both tails beyond t, by the finite series for whole degrees of freedom
   * (Abramowitz and Stegun, 26.7.3 and 26.7.4).
   */
  double tails(double t) {
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

  /** How far on either side of 0 a share of the distribution reaches, found by halving. */
  double quantile(double share) {
    if (freedom < 1) {
      return Double.NaN;
    }
    double low = 0;
    double high = 1;
    while (tails(high) > 1 - share) {
      high *= 2;
    }
    while (high - low > 1e-12 * high) {
      double middle = (low + high) / 2;
      if (tails(middle) > 1 - share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }
}
