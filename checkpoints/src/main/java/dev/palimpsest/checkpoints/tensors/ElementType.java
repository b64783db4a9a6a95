package dev.palimpsest.checkpoints.tensors;

import dev.palimpsest.configs.Precision;
import java.util.Arrays;
import java.util.Optional;

/**
 * Number formats of stored tensors. The constants' names are those of the safetensors format.
 *
 * <p>numpy has no bfloat16: arrays of that type reach an npy file as two-byte {@code void}, so
 * {@code V2} is read as {@link #BF16}, as big_vision does (utils.py, recover_dtype).
 */
public enum ElementType {
  /** float64. */
  F64(8, "<f8"),
  /** float32. */
  F32(4, "<f4"),
  /** IEEE half precision. */
  F16(2, "<f2"),
  /** The upper half of a float32. */
  BF16(2, "|V2"),
  /** Signed, 8 bytes. */
  I64(8, "<i8"),
  /** Signed, 4 bytes. */
  I32(4, "<i4"),
  /** Signed, 2 bytes. */
  I16(2, "<i2"),
  /** Signed, 1 byte. */
  I8(1, "|i1"),
  /** Unsigned, 4 bytes. */
  U32(4, "<u4"),
  /** Unsigned, 2 bytes. */
  U16(2, "<u2"),
  /** Unsigned, 1 byte. */
  U8(1, "|u1"),
  /** 0 or 1 in a byte. */
  BOOL(1, "|b1");

  private final int bytes;
  private final String npy;

  ElementType(int bytes, String npy) {
    this.bytes = bytes;
    this.npy = npy;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are floating-point numbers. */
  public boolean isFloating() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /** Its name in npy files written here. */
  String npyDescription() {
    return npy;
  }

  /** In which numbers of a precision are stored. */
  public static ElementType of(Precision type) {
    return type == Precision.F32 ? F32 : BF16;
  }

  static Optional<ElementType> ofSafetensors(String name) {
    return Arrays.stream(values()).filter(t -> t.name().equals(name)).findFirst();
  }
}
