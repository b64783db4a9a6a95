package dev.palimpsest.checkpoints.tensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayDeque;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ForkJoinPool;

/**
 * Receives float32 values and writes them in a file's number format, without a copy of the whole
 * tensor.
 */
public final class TensorOutput {
  private static final int CHUNK = 1 << 15;

  /** Elements that one thread computes at a time. */
  private static final int PART = 1 << 17;

  /** As many threads as processors, because the writing thread mostly waits. */
  private static final ForkJoinPool MAKERS =
      new ForkJoinPool(Runtime.getRuntime().availableProcessors());

  private static final int PARTS_AT_ONCE = 2 * MAKERS.getParallelism();

  /** The memory of parts, which would otherwise only be freed by the next garbage collection. */
  private static final Queue<ByteBuffer> SPARE = new ConcurrentLinkedQueue<>();

  private final WritableByteChannel channel;
  private final ElementType type;
  private final ByteBuffer converted;
  private final ShortBuffer halves; // the same memory
  private final float[] values = new float[CHUNK];
  private final short[] bits = new short[CHUNK];
  private long elements;

  TensorOutput(WritableByteChannel channel, ElementType type) {
    if (type != ElementType.F32 && type != ElementType.BF16) {
      throw new IllegalArgumentException("F32 and BF16 are written, not " + type);
    }
    this.channel = channel;
    this.type = type;
    this.converted = ByteBuffer.allocate(CHUNK * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    this.halves = converted.asShortBuffer();
  }

  /** A tensor and a writer of its values. */
  public record Tensor(TensorInfo info, Values values) {
    /** The values of an array in its own number format. */
    public static Tensor of(String name, NDArray array) {
      return of(name, array, ElementType.of(FloatArrays.type(array)));
    }

    /** The values of a float32 array in another number format, or of an array in its own. */
    public static Tensor of(String name, NDArray array, ElementType type) {
      return new Tensor(new TensorInfo(name, type, array.getShape()), out -> out.write(array));
    }

    /** Zeros, float32. */
    public static Tensor zeros(String name, Shape shape) {
      return new Tensor(
          new TensorInfo(name, ElementType.F32, shape),
          out -> {
            float[] none = new float[(int) Math.min(shape.size(), CHUNK)];
            for (long at = 0; at < shape.size(); at += none.length) {
              out.write(none, (int) Math.min(none.length, shape.size() - at));
            }
          });
    }

    /** Float32 values as an array of the manager, on its device. */
    public NDArray toArray(NDManager manager) {
      NDArray array = manager.create(info.shape(), DataType.FLOAT32, Device.cpu());
      writeTo(ArrayMemory.channel(array));
      if (manager.getDevice().equals(Device.cpu())) {
        return array;
      }
      try (array) {
        return array.toDevice(manager.getDevice(), true);
      }
    }

    /** The first element whose stored bytes differ from those that would be written. */
    public OptionalLong firstDifference(TensorBytes stored) {
      Comparison comparison = new Comparison(stored);
      writeTo(comparison);
      return comparison.first < 0
          ? OptionalLong.empty()
          : OptionalLong.of(comparison.first / info.type().bytes());
    }

    /** Writes the values and checks that their number is as declared. */
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

  /**
   * Writes float32 values that are computed in parts, by all processors in parallel, and written in
   * order.
   *
   * @param count number of values
   * @param fill computes a part; called by several threads
   */
  public void write(long count, ArrayMemory.Part fill) {
    write(count, false, fill);
  }

  /**
   * Writes float32 values that are computed one part after another, while earlier ones are written.
   */
  public void writeInOrder(long count, ArrayMemory.Part fill) {
    write(count, true, fill);
  }

  private void write(long count, boolean inOrder, ArrayMemory.Part fill) {
    ArrayDeque<CompletableFuture<ByteBuffer>> making = new ArrayDeque<>();
    long at = 0; // values that have been computed or are being computed
    try {
      while (at < count || !making.isEmpty()) {
        if (at < count && making.size() < PARTS_AT_ONCE) {
          long first = at;
          int n = (int) Math.min(PART, count - at);
          CompletableFuture<ByteBuffer> before = inOrder ? making.peekLast() : null;
          making.add(
              before == null
                  ? CompletableFuture.supplyAsync(() -> made(first, n, fill), MAKERS)
                  : before.thenApplyAsync(done -> made(first, n, fill), MAKERS));
          at += n;
        } else {
          ByteBuffer done = await(making.remove());
          elements += done.remaining() / type.bytes();
          pass(done);
          SPARE.add(done);
        }
      }
    } finally {
      making.forEach(part -> part.cancel(false));
    }
  }

  static <T> T await(CompletableFuture<T> part) {
    try {
      return part.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** One part in the file's format. */
  private ByteBuffer made(long first, int n, ArrayMemory.Part fill) {
    ByteBuffer spare = SPARE.poll();
    ByteBuffer memory =
        spare == null ? ByteBuffer.allocateDirect(PART * Float.BYTES) : spare.clear();
    memory.order(ByteOrder.nativeOrder()).limit(n * Float.BYTES);
    fill.visit(first, memory.slice().order(ByteOrder.nativeOrder()));
    if (type == ElementType.BF16) {
      Elements.toBfloat16(memory);
      memory.limit(n * ElementType.BF16.bytes());
    }
    return memory;
  }

  /** Writes a contiguous array, of float32 or of the number format that is written. */
  public void write(NDArray array) {
    if (FloatArrays.type(array) == Precision.F32) {
      write(TensorBytes.of(array));
      return;
    }
    if (type != ElementType.BF16) {
      throw new IllegalArgumentException("a bfloat16 array is not written as " + type);
    }
    ArrayMemory.visit(
        array,
        (first, memory) -> {
          elements += memory.remaining() / type.bytes();
          pass(memory);
        });
  }

  /** Writes the whole of a float32 tensor. */
  public void write(TensorBytes float32) {
    write(
        float32.size() / Float.BYTES, (first, memory) -> float32.read(first * Float.BYTES, memory));
  }

  /** Writes float32 values in the buffer's byte order, which is the machine's. */
  public void write(ByteBuffer float32) {
    if (type == ElementType.F32) {
      elements += float32.remaining() / Float.BYTES;
      pass(float32);
      return;
    }
    FloatBuffer source = float32.asFloatBuffer();
    while (source.hasRemaining()) {
      int n = Math.min(CHUNK, source.remaining());
      source.get(values, 0, n);
      write(values, n);
    }
  }

  /** Writes the first {@code count} values. */
  public void write(float[] source, int count) {
    elements += count;
    for (int at = 0; at < count; at += CHUNK) {
      int n = Math.min(CHUNK, count - at);
      if (type == ElementType.F32) {
        converted.clear().asFloatBuffer().put(source, at, n);
      } else {
        for (int i = 0; i < n; i++) {
          bits[i] = Elements.toBfloat16(source[at + i]);
        }
        halves.put(0, bits, 0, n);
      }
      pass(converted.clear().limit(n * type.bytes()));
    }
  }

  private void pass(ByteBuffer bytes) {
    try {
      writeFully(channel, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Receives bytes only to compare them. */
  private static final class Comparison implements WritableByteChannel {
    private final TensorBytes stored;
    private long at;
    private long first = -1;

    Comparison(TensorBytes stored) {
      this.stored = stored;
    }

    @Override
    public int write(ByteBuffer bytes) {
      int n = bytes.remaining();
      if (first < 0) {
        long mismatch = stored.mismatch(at, bytes);
        first = mismatch < 0 ? -1 : mismatch;
      }
      at += n;
      bytes.position(bytes.limit());
      return n;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      // In limited pieces, because some systems write at most 2^31-1 bytes at once and some
      // channels buffer.
      int n = Math.min(bytes.remaining(), 64 << 20);
      ByteBuffer part = bytes.slice(bytes.position(), n);
      while (part.hasRemaining()) {
        channel.write(part);
      }
      bytes.position(bytes.position() + n);
    }
  }
}
