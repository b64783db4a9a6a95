package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.NDArray;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.channels.WritableByteChannel;

/** Takes float32 values and writes them in a file's number format, without a copy of the whole. */
public final class TensorOutput {
  private static final int CHUNK = 1 << 16;

  private final WritableByteChannel channel;
  private final ElementType type;
  private final ByteBuffer converted;
  private final ShortBuffer halves; // the same memory
  private long elements;

  TensorOutput(WritableByteChannel channel, ElementType type) {
    if (type != ElementType.F32 && type != ElementType.BF16) {
      throw new IllegalArgumentException("F32 and BF16 are written, not " + type);
    }
    this.channel = channel;
    this.type = type;
    this.converted =
        type == ElementType.F32
            ? ByteBuffer.allocate(0)
            : ByteBuffer.allocateDirect(CHUNK * 2).order(ByteOrder.LITTLE_ENDIAN);
    this.halves = converted.asShortBuffer();
  }

  /** A tensor, and what writes its values. */
  public record Tensor(TensorInfo info, Values values) {
    /** An array as it is. */
    public static Tensor of(String name, NDArray array, ElementType type) {
      return new Tensor(new TensorInfo(name, type, array.getShape()), out -> out.write(array));
    }

    /** Writes the values, and checks that they are as many as announced. */
    void writeTo(WritableByteChannel channel) {
      TensorOutput out = new TensorOutput(channel, info.type());
      values.writeTo(out);
      if (out.elements != info.elements()) {
        throw new IllegalStateException(
            "%s: wrote %d of %d elements".formatted(info.name(), out.elements, info.elements()));
      }
    }
  }

  /** Writes all values of a tensor. */
  @FunctionalInterface
  public interface Values {
    void writeTo(TensorOutput out);
  }

  /** Writes a contiguous float32 array. */
  public void write(NDArray array) {
    ArrayMemory.visit(array, (first, memory) -> write(memory));
  }

  /** Writes float32 values in native order. */
  public void write(ByteBuffer float32) {
    elements += float32.remaining() / Float.BYTES;
    try {
      if (type == ElementType.F32) {
        writeFully(channel, float32);
        return;
      }
      FloatBuffer source = float32.asFloatBuffer();
      float[] values = new float[CHUNK];
      short[] bits = new short[CHUNK];
      while (source.hasRemaining()) {
        int n = Math.min(CHUNK, source.remaining());
        source.get(values, 0, n);
        for (int i = 0; i < n; i++) {
          bits[i] = Elements.toBfloat16(values[i]);
        }
        halves.put(0, bits, 0, n);
        writeFully(channel, converted.clear().limit(n * 2));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      // Bounded, since some systems write at most 2^31-1 bytes at once and some channels buffer.
      int n = Math.min(bytes.remaining(), 64 << 20);
      ByteBuffer part = bytes.slice(bytes.position(), n);
      while (part.hasRemaining()) {
        channel.write(part);
      }
      bytes.position(bytes.position() + n);
    }
  }
}
