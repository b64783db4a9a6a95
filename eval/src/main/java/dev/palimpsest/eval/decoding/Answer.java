package dev.palimpsest.eval.decoding;

import java.util.List;

/**
 * A model's answer to one example.
 *
 * @param text the decoded answer up to EOS
 * @param decoded its tokens
 * @param likelihoods of the given answers, in their order
 */
public record Answer(String text, Decoded decoded, List<Likelihood> likelihoods) {
  /** Keeps unmodifiable copies. */
  public Answer {
    likelihoods = List.copyOf(likelihoods);
  }
}
