package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;

/** To be written: keys and values of all decoder blocks for a batch of rows being decoded. */
public final class KeyValueCache implements AutoCloseable {
  /**
   * Logits for each row's next token, float32 [B, V], soft-capped as configured; valid until the
   * next step.
   */
  public NDArray logits() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
