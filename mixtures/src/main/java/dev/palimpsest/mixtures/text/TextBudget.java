package dev.palimpsest.mixtures.text;

/**
 * How much text fits into a sequence, for tasks that choose their text to fit.
 *
 * @param tokenizer turns text into tokens
 * @param textTokens number of text positions, as {@link TokenSequence} counts them
 */
public record TextBudget(Tokenizer tokenizer, int textTokens) {
  /** The most tokens that a target may have after a prompt, not counting EOS; at least 0. */
  public int after(String prefix) {
    int eos = 1;
    return Math.max(0, textTokens - TokenSequence.promptLength(tokenizer, prefix) - eos);
  }

  /** Whether a target and its EOS fit after a prompt. */
  public boolean fits(String prefix, String suffix) {
    return tokenizer.encode(suffix).length <= after(prefix);
  }
}
