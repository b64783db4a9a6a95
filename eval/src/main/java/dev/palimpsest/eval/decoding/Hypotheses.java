package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;

/**
 * The answers of a batch while they grow. Each live one owns a row of the key-value cache; which
 * one, {@link #parents} and the order of its result say.
 */
interface Hypotheses {
  /**
   * Takes in the model's opinion on the next tokens.
   *
   * @param logits float32 [rows, V], a row for each of the last {@link #parents}, at first for each
   *     answer
   */
  void extend(NDArray logits);

  /** Whether no answer grows any more. */
  boolean haveEnded();

  /** Of the rows that were extended, those that go on, in their new order. */
  long[] parents();

  /** The newest token of each row that goes on. */
  long[] tokens();

  /** The answer to a prompt, once all have ended. */
  Decoded answer(int prompt);

  /**
   * Whether no choice on the way to a prompt's answer was so close that other rounding could have
   * turned it; see {@link Decoder}.
   */
  boolean isSettled(int prompt);
}
