package dev.palimpsest.checkpoints.tensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * The stored bytes of one tensor of any length; unlike buffers, tensors can have more than 2^31-1
 * bytes. They are read piece by piece, so that a file larger than memory can be read.
 */
public abstract class TensorBytes {
  /** Length of one window in memory; a multiple of every element size. */
  static final int WINDOW = 1 << 30;

  /** Bytes that are processed at a time when a whole tensor is read. */
  private static final int PIECE = 1 << 20;

  private final long size;

  TensorBytes(long size) {
    this.size = size;
  }

  final long size() {
    return size;
  }

  /** Fills {@code target} from {@code offset} on; both lie within the tensor. */
  abstract void fill(long offset, ByteBuffer target);

  /** Fills {@code target} from {@code offset} on. */
  final void read(long offset, ByteBuffer target) {
    if (offset < 0 || offset > size - target.remaining()) {
      throw new IndexOutOfBoundsException(
          "bytes " + offset + " to " + (offset + target.remaining()) + " of " + size);
    }
    fill(offset, target);
  }

  /** Reads float32 elements from {@code first} on. */
  public final void readFloats(long first, float[] target, int offset, int count) {
    int most = Math.min(count, PIECE / Float.BYTES);
    ByteBuffer piece = ByteBuffer.allocate(most * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int done = 0; done < count; done += most) {
      int n = Math.min(most, count - done);
      read((first + done) * Float.BYTES, piece.clear().limit(n * Float.BYTES));
      piece.flip().asFloatBuffer().get(target, offset + done, n);
    }
  }

  /**
   * Position of the first byte from {@code offset} on that differs from the buffer's; -1 if none
   * does.
   */
  final long mismatch(long offset, ByteBuffer bytes) {
    ByteBuffer mine = ByteBuffer.allocate(Math.min(PIECE, bytes.remaining()));
    for (int done = 0; done < bytes.remaining(); done += mine.capacity()) {
      int length = Math.min(mine.capacity(), bytes.remaining() - done);
      read(offset + done, mine.clear().limit(length));
      int found = mine.flip().mismatch(bytes.slice(bytes.position() + done, length));
      if (found >= 0) {
        return offset + done + found;
      }
    }
    return -1;
  }

  /** Whether both have the same bytes. */
  public final boolean sameAs(TensorBytes other) {
    ByteBuffer mine = ByteBuffer.allocate(PIECE);
    ByteBuffer theirs = ByteBuffer.allocate(PIECE);
    for (long at = 0; size == other.size && at < size; at += PIECE) {
      int length = (int) Math.min(PIECE, size - at);
      fill(at, mine.clear().limit(length));
      other.fill(at, theirs.clear().limit(length));
      if (!mine.flip().equals(theirs.flip())) {
        return false;
      }
    }
    return size == other.size;
  }

  /** Adds all bytes to a checksum. */
  final void addTo(CRC32 crc) {
    ByteBuffer piece = ByteBuffer.allocate(PIECE);
    for (long at = 0; at < size; at += PIECE) {
      fill(at, piece.clear().limit((int) Math.min(PIECE, size - at)));
      crc.update(piece.flip());
    }
  }

  /**
   * A part of a file.
   *
   * @param file named in messages
   */
  static TensorBytes inFile(Path file, FileChannel channel, long start, long size) {
    return new TensorBytes(size) {
      @Override
      void fill(long offset, ByteBuffer target) {
        long at = start + offset;
        try {
          while (target.hasRemaining()) {
            int n = channel.read(target, at);
            if (n < 0) {
              throw new CheckpointFormatException(
                  Kind.TRUNCATED, file, "became shorter while it was being read; fetch it again");
            }
            at += n;
          }
        } catch (IOException e) {
          throw new CheckpointFormatException(
              Kind.CORRUPT, file, "cannot be read at byte %d: %s".formatted(at, e.getMessage()), e);
        }
      }
    };
  }

  /**
   * The memory of a contiguous float32 array, without a copy if it is in the computer's own memory.
   * Valid as long as the array is open.
   */
  public static InMemory of(NDArray array) {
    long elements = array.size();
    int perWindow = WINDOW / Float.BYTES;
    ByteBuffer[] windows = new ByteBuffer[windowCount(elements * Float.BYTES)];
    try (NDArray flat = array.reshape(elements)) {
      for (int i = 0; i < windows.length; i++) {
        long from = (long) i * perWindow;
        long to = Math.min(elements, from + perWindow);
        try (NDArray part = flat.get(new NDIndex("{}:{}", from, to))) {
          boolean here = part.getDevice().equals(Device.cpu());
          windows[i] = part.toByteBuffer(here).order(ByteOrder.nativeOrder());
        }
      }
    }
    return new InMemory(windows, elements * Float.BYTES);
  }

  /** Bytes in memory outside the heap. */
  public static final class InMemory extends TensorBytes {
    private final ByteBuffer[] windows;

    /** Each buffer except the last has {@link #WINDOW} bytes. */
    InMemory(ByteBuffer[] windows, long size) {
      super(size);
      this.windows = windows;
    }

    @Override
    void fill(long offset, ByteBuffer target) {
      while (target.hasRemaining()) {
        ByteBuffer part = part(offset, target.remaining());
        offset += part.remaining();
        target.put(part);
      }
    }

    /** Writes bytes from an offset on. */
    void replace(long offset, ByteBuffer source) {
      while (source.hasRemaining()) {
        ByteBuffer part = part(offset, source.remaining());
        int n = part.remaining();
        part.put(source.slice(source.position(), n));
        source.position(source.position() + n);
        offset += n;
      }
    }

    private ByteBuffer part(long offset, int most) {
      int start = (int) (offset % WINDOW);
      ByteBuffer window = windows[(int) (offset / WINDOW)];
      return window.slice(start, Math.min(most, window.capacity() - start));
    }
  }

  /**
   * A copy in memory, row-major and little-endian.
   *
   * @param fortran whether the first axis of the original is the fastest
   * @param swapped whether the original is big-endian
   */
  static TensorBytes rearranged(
      TensorBytes original, long[] shape, int bytes, boolean fortran, boolean swapped) {
    ByteBuffer[] windows = windows(original.size);
    ByteBuffer[] originals = windows(original.size);
    for (int i = 0; i < originals.length; i++) {
      original.fill((long) i * WINDOW, originals[i]);
    }
    long[] strides = new long[shape.length];
    long stride = bytes;
    for (int i = 0; i < shape.length; i++) {
      int axis = fortran ? i : shape.length - 1 - i;
      strides[axis] = stride;
      stride *= shape[axis];
    }
    long[] index = new long[shape.length];
    long from = 0;
    for (ByteBuffer window : windows) {
      while (window.hasRemaining()) {
        ByteBuffer source = originals[(int) (from / WINDOW)];
        int at = (int) (from % WINDOW);
        for (int b = 0; b < bytes; b++) {
          window.put(source.get(at + (swapped ? bytes - 1 - b : b)));
        }
        for (int axis = shape.length - 1; axis >= 0; axis--) {
          from += strides[axis];
          if (++index[axis] < shape[axis]) {
            break;
          }
          from -= strides[axis] * shape[axis];
          index[axis] = 0;
        }
      }
      window.rewind();
    }
    return new InMemory(windows, original.size);
  }

  /** Memory outside the heap for this many bytes. */
  static ByteBuffer[] windows(long size) {
    ByteBuffer[] windows = new ByteBuffer[windowCount(size)];
    for (int i = 0; i < windows.length; i++) {
      int length = (int) Math.min(WINDOW, size - (long) i * WINDOW);
      windows[i] = ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
    }
    return windows;
  }

  private static int windowCount(long size) {
    return Math.toIntExact((size + WINDOW - 1) / WINDOW);
  }
}
