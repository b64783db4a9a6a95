package dev.palimpsest.mixtures.text;

/**
 * How much text fits a sequence, for tasks that choose what to say by the room there is.
 *
 * @param tokenizer turns text into tokens
 * @param textTokens text positions, as {@link TokenSequence} counts them
 */
public record TextRoom(Tokenizer tokenizer, int textTokens) {
  /** Tokens that a target may have after a prompt, its EOS aside; at least 0. */
  public int after(String prefix) {
    int eos = 1;
    return Math.max(0, textTokens - TokenSequence.promptLength(tokenizer, prefix) - eos);
  }

  /** Whether a target and its EOS find room after a prompt. */
  public boolean fits(String prefix, String suffix) {
    return tokenizer.encode(suffix).length <= after(prefix);
  }
}
