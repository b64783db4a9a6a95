package dev.palimpsest.eval.decoding;

import java.util.List;

/**
 * What a model says of one example.
 *
 * @param text the decoded answer, cut at EOS
 * @param decoded its tokens
 * @param likelihoods of the answers that were asked about, in their order
 */
public record Answer(String text, Decoded decoded, List<Likelihood> likelihoods) {
  /** Copies. */
  public Answer {
    likelihoods = List.copyOf(likelihoods);
  }
}
