package dev.palimpsest.model.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.palimpsest.configs.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The memory of an array on the CPU, for loops in Java: these work on arrays in the processor's
 * nearest cache, into which a few elements are copied and from there back.
 *
 * @param floats if the numbers are float32
 * @param shorts in bfloat16; null if the numbers are float32
 */
record FloatMemory(FloatBuffer floats, @Nullable ShortBuffer shorts) {
  /**
   * The most elements that one buffer shows: 1 GiB, and a whole number of an optimizer's pieces.
   */
  static final long MOST = 1L << 28;

  /** Elements of a contiguous array. */
  static FloatMemory of(NDArray array, long first, int length) {
    try (NDManager views = array.getManager().newSubManager()) {
      NDArray flat = array.reshape(array.size());
      flat.attach(views);
      NDArray part = flat.get(new NDIndex("{}:{}", first, first + length));
      part.attach(views);
      ByteBuffer bytes = part.toByteBuffer(true).order(ByteOrder.nativeOrder());
      return new FloatMemory(
          bytes.asFloatBuffer(),
          FloatArrays.type(array) == Precision.BF16 ? bytes.asShortBuffer() : null);
    }
  }

  /** Whether the numbers are bfloat16. */
  boolean isRounded() {
    return shorts != null;
  }

  /**
   * Copies elements from here.
   *
   * @param bits as long as {@code to}, for the bits of bfloat16
   */
  void read(int at, float[] to, int n, short[] bits) {
    if (shorts == null) {
      floats.get(at, to, 0, n);
    } else {
      shorts.get(at, bits, 0, n);
      widen(bits, to, n);
    }
  }

  /** Copies elements to here; to bfloat16 they are rounded. */
  void write(int at, float[] from, int n, short[] bits) {
    if (shorts == null) {
      floats.put(at, from, 0, n);
    } else {
      round(from, bits, n);
      shorts.put(at, bits, 0, n);
    }
  }

  private static void widen(short[] from, float[] to, int n) {
    for (int i = 0; i < n; i++) {
      to[i] = Float.intBitsToFloat(from[i] << 16);
    }
  }

  private static void round(float[] from, short[] to, int n) {
    for (int i = 0; i < n; i++) {
      to[i] = (short) (roundedBits(from[i]) >>> 16);
    }
  }

  /** A number as bfloat16 holds it. */
  static float bfloat16(float x) {
    return Float.intBitsToFloat(roundedBits(x) & 0xFFFF0000);
  }

  /** The upper half is the nearest bfloat16, of two as near ones the even one. */
  private static int roundedBits(float x) {
    int bits = Float.floatToRawIntBits(x);
    return Float.isNaN(x) ? bits | 1 << 22 : bits + 0x7FFF + (bits >>> 16 & 1);
  }
}
