package dev.palimpsest.mixtures.text;

import dev.palimpsest.configs.Segment;
import java.util.Arrays;

/**
 * Tokens of one example and their masks, laid out as in big_vision's transfer configurations
 * (configs/proj/paligemma/transfers/common.py).
 *
 * @param text [length]
 * @param maskAr 1 where a token starts a new causal step
 * @param maskLoss 1 where a token is supervised
 * @param maskInput 1 on real tokens
 */
public record TokenSequence(int[] text, int[] maskAr, int[] maskLoss, int[] maskInput) {
  /** The separator at the end of a prompt. */
  private static final String SEPARATOR = "\n";

  /** Tokens of a prompt: [BOS] prefix separator. */
  public static int promptLength(int[] prefix, int[] separator) {
    return 1 + prefix.length + separator.length;
  }

  /** Tokens of a prompt: [BOS] prefix separator. */
  public static int promptLength(Tokenizer tokenizer, String prefix) {
    return promptLength(tokenizer.encode(prefix), tokenizer.encode(SEPARATOR));
  }

  /**
   * [BOS] prefix separator suffix [EOS], truncated or padded to {@code textTokens + 1}; the model
   * sees all but the last column and predicts all but the first. Text that is too long is truncated
   * on the right and then has no EOS.
   */
  public static TokenSequence forTraining(
      int[] prefix, int[] separator, int[] suffix, int textTokens) {
    return forTraining(prefix, separator, suffix, textTokens, Segment.SUFFIX);
  }

  /**
   * The same with loss on other tokens.
   *
   * @param lossFrom the first segment that is supervised; BOS never is
   */
  public static TokenSequence forTraining(
      int[] prefix, int[] separator, int[] suffix, int textTokens, Segment lossFrom) {
    int prompt = promptLength(prefix, separator);
    int[] tokens = Arrays.copyOf(prompt(prefix, separator), prompt + suffix.length + 1);
    System.arraycopy(suffix, 0, tokens, prompt, suffix.length);
    tokens[tokens.length - 1] = Tokenizer.EOS;
    return of(tokens, prompt, lossFrom == Segment.SUFFIX ? prompt : 1, textTokens + 1);
  }

  /** [BOS] prefix separator, truncated or padded to {@code textTokens}. */
  public static TokenSequence forDecoding(int[] prefix, int[] separator, int textTokens) {
    int[] tokens = prompt(prefix, separator);
    return of(tokens, tokens.length, tokens.length, textTokens);
  }

  private static int[] prompt(int[] prefix, int[] separator) {
    int[] tokens = new int[promptLength(prefix, separator)];
    tokens[0] = Tokenizer.BOS;
    System.arraycopy(prefix, 0, tokens, 1, prefix.length);
    System.arraycopy(separator, 0, tokens, 1 + prefix.length, separator.length);
    return tokens;
  }

  /**
   * Truncates or pads; tokens after the prompt are causal, padding is only causal.
   *
   * @param supervised the first supervised token
   */
  private static TokenSequence of(int[] tokens, int prompt, int supervised, int length) {
    int[] maskAr = new int[length];
    int[] maskLoss = new int[length];
    int[] maskInput = new int[length];
    int real = Math.min(tokens.length, length);
    Arrays.fill(maskAr, Math.min(prompt, length), length, 1);
    Arrays.fill(maskLoss, Math.min(supervised, real), real, 1);
    Arrays.fill(maskInput, 0, real, 1);
    // Padding has id 0, with which copyOf fills.
    return new TokenSequence(Arrays.copyOf(tokens, length), maskAr, maskLoss, maskInput);
  }
}
