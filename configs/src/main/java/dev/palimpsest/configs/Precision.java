package dev.palimpsest.configs;

/**
 * Number format of a stage's computation, of an export, or of the optimizer's first moment. Master
 * parameters are float32 in every case.
 */
public enum Precision {
  /** float32: everything is computed in it. */
  F32(4),
  /**
   * bfloat16: blocks are computed in it; norms, softmax statistics and the loss stay in float32.
   */
  BF16(2);

  private final int bytes;

  Precision(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one number. */
  public int bytes() {
    return bytes;
  }
}
