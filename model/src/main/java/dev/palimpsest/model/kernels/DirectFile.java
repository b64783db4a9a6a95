package dev.palimpsest.model.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.Pointer;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.DirectIo;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file whose bytes go between the disk and the memory of arrays without a copy in the system's
 * cache, where system and disk offer that (direct I/O), and through the cache otherwise. Whoever
 * maps the file sees what is written here, and what is written there is read here.
 */
public final class DirectFile implements AutoCloseable {
  /** Arrays begin at multiples of this many bytes, in the file and in memory. */
  public static final int UNIT = DirectIo.UNIT;

  /** Bytes that one call moves. */
  private static final int MOST = 8 << 20;

  private static final Logger log = LoggerFactory.getLogger(DirectFile.class);

  private final FileChannel cached;

  /** Past the cache; null if that is not possible, or was refused. */
  private volatile @Nullable FileChannel direct;

  private DirectFile(FileChannel cached, @Nullable FileChannel direct) {
    this.cached = cached;
    this.direct = direct;
  }

  /**
   * Opens a file that exists.
   *
   * @throws IOException when it cannot be opened for reading and writing
   */
  public static DirectFile open(Path file) throws IOException {
    OpenOption[] how = {StandardOpenOption.READ, StandardOpenOption.WRITE};
    return new DirectFile(FileChannel.open(file, how), DirectIo.open(file, how));
  }

  /** The place after an array of so many bytes at which the next one can begin. */
  public static long rounded(long bytes) {
    return (bytes + UNIT - 1) / UNIT * UNIT;
  }

  /**
   * Memory of an array that can be read and written here.
   *
   * @param array its contents, which are whatever the memory held before
   * @param pieces the same memory, a whole number of units
   */
  public record Memory(NDArray array, List<ByteBuffer> pieces) implements AutoCloseable {
    /** On the CPU, in the manager. */
    public static Memory of(NDManager owner, Shape shape, Precision type) {
      int unit = UNIT / type.bytes();
      long elements = rounded(shape.size() * type.bytes()) / type.bytes();
      try (NDManager views = owner.newSubManager()) {
        NDArray all = FloatArrays.zeros(views, new Shape(elements + unit), type);
        long past = Pointer.nativeValue(FloatArrays.address(all)) % UNIT / type.bytes();
        long first = past == 0 ? 0 : unit - past;
        NDArray part = all.get(new NDIndex("{}:{}", first, first + shape.size()));
        part.attach(views);
        NDArray array = part.reshape(shape);
        array.attach(owner);
        return new Memory(array, pieces(views, all, first, first + elements, type));
      }
    }

    private static List<ByteBuffer> pieces(
        NDManager views, NDArray all, long from, long to, Precision type) {
      List<ByteBuffer> pieces = new ArrayList<>();
      int most = MOST / type.bytes();
      for (long at = from; at < to; at += most) {
        NDArray piece = all.get(new NDIndex("{}:{}", at, Math.min(to, at + most)));
        piece.attach(views);
        pieces.add(piece.toByteBuffer(true));
      }
      return pieces;
    }

    @Override
    public void close() {
      array.close();
    }
  }

  /**
   * Fills an array from the file.
   *
   * @param at byte of the file; a multiple of {@link #UNIT}, as the file's length
   */
  public void read(Memory memory, long at) throws IOException {
    move(
        memory,
        at,
        (file, bytes, place) -> {
          if (file.read(bytes, place) < 0) {
            throw new EOFException("ends before byte " + (place + bytes.remaining()));
          }
        });
  }

  /** Writes an array to the file. */
  public void write(Memory memory, long at) throws IOException {
    move(memory, at, FileChannel::write);
  }

  /** Moves some of the bytes that remain. */
  @FunctionalInterface
  private interface Move {
    void some(FileChannel file, ByteBuffer bytes, long place) throws IOException;
  }

  private void move(Memory memory, long at, Move move) throws IOException {
    long place = at;
    for (ByteBuffer piece : memory.pieces()) {
      ByteBuffer left = piece.duplicate();
      while (left.hasRemaining()) {
        some(move, left, place + left.position());
      }
      place += left.capacity();
    }
  }

  /** Some file systems offer direct I/O and then refuse it. */
  private void some(Move move, ByteBuffer bytes, long place) throws IOException {
    FileChannel past = direct;
    if (past != null) {
      try {
        move.some(past, bytes, place);
        return;
      } catch (EOFException e) {
        throw e;
      } catch (IOException e) {
        log.debug("byte {} is moved through the system's cache", place, e);
        direct = null;
        past.close();
      }
    }
    move.some(cached, bytes, place);
  }

  @Override
  public void close() throws IOException {
    cached.close();
    FileChannel past = direct;
    if (past != null) {
      past.close();
    }
  }
}
