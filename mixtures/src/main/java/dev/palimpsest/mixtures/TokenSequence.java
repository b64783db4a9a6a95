package dev.palimpsest.mixtures;

/**
 * Tokens of one example and their masks, as big_vision's transfer configs lay them out
 * (configs/proj/paligemma/transfers /common.py).
 *
 * @param text [length]
 * @param maskAr 1 where a token opens its own causal step
 * @param maskLoss 1 where a token is supervised
 * @param maskInput 1 on real tokens
 */
public record TokenSequence(int[] text, int[] maskAr, int[] maskLoss, int[] maskInput) {
  /**
   * [BOS] prefix separator suffix [EOS], cut or padded to {@code textTokens + 1}; the model sees
   * all but the last column and predicts all but the first. Over-long text is cut hard from the
   * right and then loses EOS.
   */
  public static TokenSequence forTraining(
      int[] prefix, int[] separator, int[] suffix, int textTokens) {
    throw new UnsupportedOperationException();
  }

  /** [BOS] prefix separator, cut or padded to {@code textTokens}. */
  public static TokenSequence forDecoding(int[] prefix, int[] separator, int textTokens) {
    throw new UnsupportedOperationException();
  }
}
