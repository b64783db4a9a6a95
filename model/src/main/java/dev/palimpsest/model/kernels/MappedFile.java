package dev.palimpsest.model.kernels;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.Pointer;
import dev.palimpsest.configs.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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

  // Of Linux's mman.h.
  private static final int READABLE = 1;
  private static final int WRITABLE = 2;
  private static final int PRIVATE = 2;
  private static final int AT_THIS_PLACE = 16;
  private static final int UNRESERVED = 0x4000;
  private static final int IN_HUGE_PAGES = 14;

  private final NDArray flat;

  /** Linux is asked to read, map and write the file 2 MiB at a time, instead of 4 or 64 KiB. */
  private MappedFile(NDArray flat, long bytes) {
    this.flat = flat;
    if (NativeFile.isLinux()) {
      // A refusal changes no more than the speed.
      NativeFile.function("madvise")
          .invokeInt(new Object[] {FloatArrays.address(flat), bytes, IN_HUGE_PAGES});
    }
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
          FloatArrays.mapped(owner, file, access == Access.UPDATE, elements, type),
          elements * type.bytes());
    } catch (EngineException e) {
      try {
        if (access == Access.READ
            && NativeFile.isLinux()
            && Files.isRegularFile(file)
            && Files.size(file) >= elements * type.bytes()) {
          return unreserved(owner, file, elements, type);
        }
        throw new IOException(reason(e), e);
      } catch (IOException again) {
        throw new UncheckedIOException(
            new IOException("cannot map " + file + ": " + again.getMessage(), again));
      }
    }
  }

  /**
   * The same for a file that is larger than the machine's memory. Linux reserves memory for all
   * pages that could be changed and refuses if it does not have as much, unless it is asked not to
   * reserve any, which the engine does not do. So the engine maps an empty file of the same length,
   * and this one takes its place.
   */
  private static MappedFile unreserved(NDManager owner, Path file, long elements, Precision type)
      throws IOException {
    Path empty = Files.createTempFile("mapped-", ".tmp");
    NDArray flat;
    try {
      flat = FloatArrays.mapped(owner, empty, true, elements, type);
    } catch (EngineException e) {
      throw new IOException(reason(e), e);
    } finally {
      Files.delete(empty);
    }
    try (NativeFile open = NativeFile.open(file, NativeFile.READ)) {
      Pointer place = FloatArrays.address(flat);
      Object[] arguments = {
        place,
        elements * type.bytes(),
        READABLE | WRITABLE,
        PRIVATE | AT_THIS_PLACE | UNRESERVED,
        open.descriptor(),
        0L
      };
      if (!place.equals(NativeFile.function("mmap").invokePointer(arguments))) {
        throw new IOException("the system refuses to map %d bytes".formatted((long) arguments[1]));
      }
      return new MappedFile(flat, elements * type.bytes());
    } catch (IOException e) {
      flat.close();
      throw e;
    }
  }

  /** What libtorch says below its stack. */
  private static String reason(EngineException e) {
    List<String> lines = String.valueOf(e.getMessage()).lines().toList();
    return lines.get(lines.size() - 1).replaceFirst("^RuntimeError: ", "");
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
