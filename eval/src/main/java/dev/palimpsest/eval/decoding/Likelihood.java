package dev.palimpsest.eval.decoding;

/**
 * How likely a given answer is.
 *
 * @param logProbabilities of each of its tokens, EOS included, given the preceding ones
 * @param likeliest whether each token is strictly the most likely one of the vocabulary at its
 *     position
 */
public record Likelihood(float[] logProbabilities, boolean[] likeliest) {
  /** Summed log-probability. */
  public double sum() {
    return sum(logProbabilities);
  }

  /** Mean log-probability per token. */
  public double mean() {
    return sum() / logProbabilities.length;
  }

  static double sum(float[] logProbabilities) {
    double sum = 0;
    for (float logProbability : logProbabilities) {
      sum += logProbability;
    }
    return sum;
  }
}
