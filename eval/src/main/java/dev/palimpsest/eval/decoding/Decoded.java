package dev.palimpsest.eval.decoding;

import dev.palimpsest.mixtures.text.Tokenizer;

/**
 * The answer to one prompt.
 *
 * @param tokens in order; the last is EOS if the answer ended by itself
 * @param logProbabilities of each token, given the preceding ones, under the model's own
 *     distribution: no temperature, nothing banned
 */
public record Decoded(int[] tokens, float[] logProbabilities) {
  /** Whether the token limit truncated the answer. */
  public boolean isTruncated() {
    return tokens.length == 0 || tokens[tokens.length - 1] != Tokenizer.EOS;
  }

  /** Summed log-probability. */
  public double logProbability() {
    return Likelihood.sum(logProbabilities);
  }
}
