package dev.palimpsest.configs;

/**
 * Number format of a stage's computation, of an export, or of the optimizer's first moment. Master
 * parameters are float32 in every case.
 */
public enum Precision {
  /** IEEE's 32-bit format. */
  F32(4),
  /** The upper half of a float32. */
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
