package dev.palimpsest.checkpoints.tensors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** Conversions between number formats, one chunk at a time. */
public final class Elements {
  /** Elements converted at once: small enough to stay in a core's cache. */
  private static final int CHUNK = 1 << 14;

  /** Values rounded at a time, which stay in a core's first-level cache. Even. */
  private static final int CONVERTED = 1 << 12;

  private Elements() {}

  /** Fills native memory with float32 values from element {@code first} on. */
  public static void readFloats(
      TensorBytes bytes, ElementType type, long first, ByteBuffer target) {
    if (type == ElementType.F32 && target.order() == ByteOrder.LITTLE_ENDIAN) {
      bytes.read(first * type.bytes(), target);
    } else {
      readFloats(bytes, type, first, target.asFloatBuffer());
    }
  }

  /** Fills {@code target} with float32 values from element {@code first} on. */
  public static void readFloats(
      TensorBytes bytes, ElementType type, long first, FloatBuffer target) {
    int most = Math.min(CHUNK, target.remaining());
    ByteBuffer raw = ByteBuffer.allocate(most * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[most]; // plain arrays: loops over them are vectorised
    short[] bits = new short[most];
    long at = first;
    while (target.hasRemaining()) {
      int n = Math.min(most, target.remaining());
      bytes.read(at * type.bytes(), raw.clear().limit(n * type.bytes()));
      raw.flip();
      switch (type) {
        case F32 -> raw.asFloatBuffer().get(values, 0, n);
        case F64 -> {
          for (int i = 0; i < n; i++) {
            values[i] = (float) raw.getDouble(i * 8);
          }
        }
        case BF16 -> {
          raw.asShortBuffer().get(bits, 0, n);
          for (int i = 0; i < n; i++) {
            values[i] = Float.intBitsToFloat(bits[i] << 16);
          }
        }
        case F16 -> {
          raw.asShortBuffer().get(bits, 0, n);
          for (int i = 0; i < n; i++) {
            values[i] = ofHalf(bits[i]);
          }
        }
        default ->
            throw new IllegalArgumentException(type + " does not contain floating-point numbers");
      }
      target.put(values, 0, n);
      at += n;
    }
  }

  /** The value of one integer. */
  static long integer(ByteBuffer raw, ElementType type, int index) {
    return switch (type) {
      case I64 -> raw.getLong(index * 8);
      case I32 -> raw.getInt(index * 4);
      case U32 -> Integer.toUnsignedLong(raw.getInt(index * 4));
      case I16 -> raw.getShort(index * 2);
      case U16 -> Short.toUnsignedLong(raw.getShort(index * 2));
      case I8 -> raw.get(index);
      case U8, BOOL -> Byte.toUnsignedLong(raw.get(index));
      default -> throw new IllegalArgumentException(type + " does not contain integers");
    };
  }

  /** IEEE half precision: 1 sign bit, 5 exponent bits of bias 15, 10 fraction bits. */
  static float ofHalf(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >> 10) & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) { // zero or subnormal: fraction * 2^-24
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(fraction * 0x1p-24f));
    }
    int wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    return Float.intBitsToFloat(sign | (wide << 23) | (fraction << 13));
  }

  /** Makes every value the nearest one that bfloat16 holds. */
  public static void roundToBfloat16(FloatBuffer values) {
    for (int i = values.position(); i < values.limit(); i++) {
      values.put(i, Float.intBitsToFloat(toBfloat16(values.get(i)) << 16));
    }
  }

  /**
   * Converts float32 values to bfloat16, little-endian, in place: what is written lies before what
   * is read next.
   *
   * @param values in native order, from 0 to the limit
   */
  static void toBfloat16(ByteBuffer values) {
    int count = values.limit() / Float.BYTES;
    IntBuffer source = values.duplicate().order(ByteOrder.nativeOrder()).clear().asIntBuffer();
    IntBuffer target = values.duplicate().order(ByteOrder.LITTLE_ENDIAN).clear().asIntBuffer();
    int[] bits = new int[Math.min(CONVERTED, count + 1)];
    int[] pairs = new int[(bits.length + 1) / 2];
    for (int at = 0; at < count; at += bits.length) {
      int n = Math.min(bits.length, count - at);
      source.get(at, bits, 0, n);
      round(bits, n);
      pair(bits, pairs, n / 2);
      target.put(at / 2, pairs, 0, n / 2);
      if (n % 2 != 0) {
        values
            .duplicate()
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort(2 * (at + n - 1), (short) (bits[n - 1] >>> 16));
      }
    }
  }

  /** As {@link #toBfloat16(float)}, in the upper halves; without branches, to be vectorised. */
  private static void round(int[] bits, int n) {
    for (int i = 0; i < n; i++) {
      int value = bits[i];
      int nan = (0x7f800000 - (value & 0x7fffffff)) >> 31; // all ones or none
      int rounded = value + 0x7fff + ((value >>> 16) & 1);
      bits[i] = (rounded & ~nan) | ((value | 0x400000) & nan);
    }
  }

  /** The upper halves of two values as one integer. */
  private static void pair(int[] bits, int[] pairs, int n) {
    for (int i = 0; i < n; i++) {
      pairs[i] = (bits[2 * i] >>> 16) | (bits[2 * i + 1] & 0xffff0000);
    }
  }

  /** bfloat16 bits of a value, rounded to nearest, ties to even; a NaN stays NaN. */
  static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }
}
