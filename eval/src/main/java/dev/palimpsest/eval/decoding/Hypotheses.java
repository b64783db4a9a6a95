package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;

/**
 * The answers of a batch while they are decoded. Each live one owns a row of the key-value cache;
 * {@link #parents} and the order of its result say which one.
 */
interface Hypotheses {
  /**
   * Receives the model's scores for the next tokens.
   *
   * @param logits float32 [rows, V], one row for each of the last {@link #parents}, at first for
   *     each answer
   */
  void extend(NDArray logits);

  /** Whether all answers have ended. */
  boolean haveEnded();

  /** Those of the extended rows that continue, in their new order. */
  long[] parents();

  /** The newest token of each row that continues. */
  long[] tokens();

  /** The answer to a prompt, once all have ended. */
  Decoded answer(int prompt);

  /**
   * Whether no choice for a prompt's answer was so close that other rounding could have changed it;
   * see {@link Decoder}.
   */
  boolean isSettled(int prompt);
}
