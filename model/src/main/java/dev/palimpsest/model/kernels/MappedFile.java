package dev.palimpsest.model.kernels;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * A file whose contents are the memory of arrays. The operating system reads its pages when they
 * are first used, writes changed pages back, and takes pages away when something else needs the
 * memory; Linux counts those that are present as file pages of the process, not as anonymous
 * memory. Arrays may be larger than 2^31 bytes. The memory is on the CPU.
 *
 * <p>The mapping lives until the file object and all arrays made from it are closed.
 */
public final class MappedFile implements AutoCloseable {
  /**
   * Arrays begin at multiples of this many bytes. The engine aligns its own memory like this, and
   * the libraries behind it may sum in another order where memory is aligned otherwise.
   */
  public static final int ALIGNMENT = 64;

  private final NDArray flat;

  private MappedFile(NDArray flat) {
    this.flat = flat;
  }

  /** What becomes of changes. */
  public enum Access {
    /** Changes are the process's own and are lost; the file only needs to be readable. */
    READ,
    /** Changes are written to the file, which grows to the length that is asked for. */
    UPDATE
  }

  /**
   * Maps the beginning of a file.
   *
   * @param owner lives at least as long as the arrays
   * @param elements how many elements of {@code type} to map
   * @throws UncheckedIOException when the file cannot be opened, is too short to be read that far,
   *     or cannot grow
   */
  public static MappedFile open(
      NDManager owner, Path file, Access access, long elements, Precision type) {
    try {
      return new MappedFile(
          FloatArrays.mapped(owner, file, access == Access.UPDATE, elements, type));
    } catch (EngineException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new UncheckedIOException(new IOException("cannot map " + file + ": " + why, e));
    }
  }

  /**
   * A part of the file as an array that shares its memory.
   *
   * @param manager the array belongs to it
   * @param firstElement counted from the beginning of the file
   */
  public NDArray array(NDManager manager, long firstElement, Shape shape) {
    try (NDArray part = flat.get(new NDIndex("{}:{}", firstElement, firstElement + shape.size()))) {
      NDArray array = part.reshape(shape);
      array.attach(manager);
      return array;
    }
  }

  @Override
  public void close() {
    flat.close();
  }
}
