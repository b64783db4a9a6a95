package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.kernels.Kernels;
import java.util.List;

/**
 * Keys and values of all decoder blocks for a batch of rows being decoded.
 *
 * <p>Slots contain image tokens, then the prompts padded on the right to a common length, then
 * generated tokens, one slot per step for all rows. A row's padding slots are never attended to,
 * and positions skip them: they count each row's own tokens.
 */
@SuppressWarnings("try") // gradient modes are used by being open
public final class KeyValueCache implements AutoCloseable {
  private final Kernels kernels;
  private final NDManager manager;
  private final List<NDArray> keys; // by block, float32 [B, K, slots, h]
  private final List<NDArray> values;
  private final long promptSlots; // image tokens and padded prompt
  private final long imageTokens;
  private NDArray promptLengths; // int64 [B]: image tokens and real prompt tokens
  private NDArray logits;
  private int generated;

  public KeyValueCache(
      Kernels kernels,
      NDManager manager,
      List<NDArray> keys,
      List<NDArray> values,
      long promptSlots,
      long imageTokens,
      NDArray promptLengths,
      NDArray logits) {
    this.kernels = kernels;
    this.manager = manager;
    this.keys = keys;
    this.values = values;
    this.promptSlots = promptSlots;
    this.imageTokens = imageTokens;
    this.promptLengths = promptLengths;
    this.logits = logits;
  }

  /**
   * Logits for each row's next token, float32 [B, V], soft-capped as configured; valid until the
   * next step.
   */
  public NDArray logits() {
    return logits;
  }

  /** Number of rows being decoded, B. */
  public int rows() {
    return Math.toIntExact(logits.getShape().get(0));
  }

  /** Number of tokens generated so far. */
  public int generated() {
    return generated;
  }

  /** Number of tokens that can still be generated. */
  public int room() {
    return Math.toIntExact(keys.get(0).getShape().get(2) - promptSlots - generated);
  }

  /**
   * Replaces the rows by copies of given rows, for beam search: row i continues the former row
   * {@code rows[i]}. Their number may change.
   */
  public void select(long... rows) {
    try (GradientMode off = new GradientMode(false);
        NDManager scope = manager.newSubManager()) {
      NDArray index = scope.create(rows);
      keys.replaceAll(array -> selected(array, index));
      values.replaceAll(array -> selected(array, index));
      promptLengths = selected(promptLengths, index);
      logits = selected(logits, index);
    }
  }

  private NDArray selected(NDArray array, NDArray index) {
    NDArray rows = kernels.array(manager, "select_rows", array, index);
    array.close();
    return rows;
  }

  public NDManager manager() {
    return manager;
  }

  public List<NDArray> keys() {
    return keys;
  }

  public List<NDArray> values() {
    return values;
  }

  /** Number of slots of image tokens and padded prompts. */
  public long promptSlots() {
    return promptSlots;
  }

  /** Number of slots of image tokens, which are the first. */
  public long imageTokens() {
    return imageTokens;
  }

  /** Number of image tokens and real prompt tokens by row, int64 [B]. */
  public NDArray promptLengths() {
    return promptLengths;
  }

  /** Counts one more token in every row. */
  public void advance(NDArray nextLogits) {
    logits.close();
    logits = nextLogits;
    generated++;
  }

  @Override
  public void close() {
    manager.close();
  }
}
