package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/**
 * Named tensors in one or several files. Opening only reads and checks the descriptions; data are
 * read on demand. Not thread-safe except for concurrent reads.
 */
public abstract sealed class TensorSource implements AutoCloseable
    permits SafetensorsFile, NpzFile {
  TensorSource() {}

  /**
   * Opens a path: an npz file, a safetensors file, or a folder of the latter. The kind of a file is
   * determined by its first bytes, not by its name.
   *
   * @throws CheckpointFormatException when it is none of these, or damaged
   * @throws java.io.UncheckedIOException when it cannot be read
   */
  public static TensorSource open(Path path) {
    return Files.isDirectory(path) || !isArchive(path)
        ? SafetensorsFile.open(path)
        : NpzFile.open(path);
  }

  private static boolean isArchive(Path path) {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] start = in.readNBytes(4);
      return Arrays.equals(start, new byte[] {'P', 'K', 3, 4})
          || (path.toString().toLowerCase(Locale.ROOT).endsWith(".npz")
              && !SafetensorsFile.beginsLikeOne(path));
    } catch (IOException e) {
      throw new UncheckedIOException(path + ": " + e.getMessage(), e);
    }
  }

  /** The file or folder. */
  public abstract Path path();

  /** All names, in the order of the file. */
  public abstract Set<String> names();

  /**
   * The file's description of a tensor.
   *
   * @throws IllegalArgumentException when there is no such tensor
   */
  public abstract TensorInfo info(String name);

  /** The stored bytes, after the checks that the format allows. */
  public abstract TensorBytes bytes(String name);

  @Override
  public abstract void close();

  /** Whether there is a tensor of this name. */
  public final boolean contains(String name) {
    return names().contains(name);
  }

  /** Shape of a tensor. */
  public final Shape shape(String name) {
    return info(name).shape();
  }

  /** Fills the buffer with stored bytes, little endian, from an offset within the tensor on. */
  public final void readBytes(String name, long offset, ByteBuffer target) {
    bytes(name).read(offset, target);
  }

  /** Fills the buffer with values of a floating tensor, as float32, from an element on. */
  public final void readFloats(String name, long firstElement, FloatBuffer target) {
    Elements.readFloats(bytes(name), floating(name).type(), firstElement, target);
  }

  /** All values of a floating tensor of fewer than 2^31 elements, as float32, row-major. */
  public final float[] floats(String name) {
    float[] values = new float[inHeap(floating(name))];
    readFloats(name, 0, FloatBuffer.wrap(values));
    return values;
  }

  /** All values of an integer or boolean tensor of fewer than 2^31 elements, row-major. */
  public final long[] integers(String name) {
    TensorInfo info = info(name);
    if (info.type().isFloating()) {
      throw new IllegalArgumentException(
          "%s: %s is %s, not integers".formatted(path(), name, info.type()));
    }
    long[] values = new long[inHeap(info)];
    TensorBytes bytes = bytes(name);
    int size = info.type().bytes();
    ByteBuffer raw = ByteBuffer.allocate(8 << 10).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < values.length; at += raw.capacity() / size) {
      int n = Math.min(raw.capacity() / size, values.length - at);
      bytes.read((long) at * size, raw.clear().limit(n * size));
      for (int i = 0; i < n; i++) {
        values[at + i] = Elements.integer(raw, info.type(), i);
      }
    }
    return values;
  }

  /**
   * A copy as an array of the manager, on its device: float32 for floating tensors, boolean for
   * {@code BOOL}, int64 for all other integers.
   */
  public final NDArray toArray(NDManager manager, String name) {
    TensorInfo info = info(name);
    if (info.type().isFloating()) {
      TensorBytes stored = bytes(name);
      return ArrayMemory.create(
          manager,
          info.shape(),
          (first, memory) -> Elements.readFloats(stored, info.type(), first, memory));
    }
    NDArray integers = manager.create(integers(name), info.shape());
    if (info.type() != ElementType.BOOL) {
      return integers; // converting to the same type would share memory that is freed on closing
    }
    try (integers) {
      return integers.toType(DataType.BOOLEAN, true);
    }
  }

  private TensorInfo floating(String name) {
    TensorInfo info = info(name);
    if (!info.type().isFloating()) {
      throw new IllegalArgumentException(
          "%s: %s is %s, not floating-point numbers".formatted(path(), name, info.type()));
    }
    return info;
  }

  private int inHeap(TensorInfo info) {
    if (info.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "%s: %s has %d elements, more than a Java array holds; read it in parts"
              .formatted(path(), info.name(), info.elements()));
    }
    return (int) info.elements();
  }
}
