package dev.palimpsest.checkpoints.tensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/** The stored bytes of one tensor, of any length: buffers end at 2^31-1 bytes, tensors do not. */
public abstract class TensorBytes {
  /** Length of one window; a multiple of every element size. */
  static final int WINDOW = 1 << 30;

  private final long size;

  TensorBytes(long size) {
    this.size = size;
  }

  final long size() {
    return size;
  }

  /** The window of an index, little endian, shared: position and limit are not to be touched. */
  abstract ByteBuffer window(int index);

  /** Fills {@code target} from {@code offset} on. */
  final void read(long offset, ByteBuffer target) {
    if (offset < 0 || offset > size - target.remaining()) {
      throw new IndexOutOfBoundsException(
          "bytes " + offset + " to " + (offset + target.remaining()) + " of " + size);
    }
    while (target.hasRemaining()) {
      int start = (int) (offset % WINDOW);
      ByteBuffer window = window((int) (offset / WINDOW));
      int length = Math.min(target.remaining(), window.capacity() - start);
      target.put(window.slice(start, length));
      offset += length;
    }
  }

  /** Reads float32 elements from {@code first} on. */
  public final void readFloats(long first, float[] target, int offset, int count) {
    int perWindow = WINDOW / Float.BYTES;
    int done = 0;
    while (done < count) {
      long at = first + done;
      int start = (int) (at % perWindow);
      int n = Math.min(count - done, perWindow - start);
      window((int) (at / perWindow)).asFloatBuffer().get(start, target, offset + done, n);
      done += n;
    }
  }

  /** Where the first byte from {@code offset} on differs from the buffer's; -1 for nowhere. */
  final long mismatch(long offset, ByteBuffer bytes) {
    int done = 0;
    while (done < bytes.remaining()) {
      long at = offset + done;
      int start = (int) (at % WINDOW);
      ByteBuffer window = window((int) (at / WINDOW));
      int length = Math.min(bytes.remaining() - done, window.capacity() - start);
      int found =
          window.slice(start, length).mismatch(bytes.slice(bytes.position() + done, length));
      if (found >= 0) {
        return at + found;
      }
      done += length;
    }
    return -1;
  }

  /** Whether both hold the same bytes. */
  public final boolean sameAs(TensorBytes other) {
    for (int i = 0; size == other.size && i < windows(size); i++) {
      if (window(i).mismatch(other.window(i)) >= 0) {
        return false;
      }
    }
    return size == other.size;
  }

  /** A part of a file, mapped window by window when first read. */
  static TensorBytes mapped(FileChannel channel, long start, long size) {
    return new TensorBytes(size) {
      private final ByteBuffer[] windows = new ByteBuffer[windows(size)];

      @Override
      synchronized ByteBuffer window(int index) {
        if (windows[index] == null) {
          long from = (long) index * WINDOW;
          try {
            windows[index] =
                channel
                    .map(FileChannel.MapMode.READ_ONLY, start + from, Math.min(WINDOW, size - from))
                    .order(ByteOrder.LITTLE_ENDIAN);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
        return windows[index];
      }
    };
  }

  /**
   * The memory of a contiguous float32 array, without a copy where that is this machine's. Valid
   * for as long as the array is open.
   */
  public static TensorBytes of(NDArray array) {
    long elements = array.size();
    int perWindow = WINDOW / Float.BYTES;
    ByteBuffer[] windows = new ByteBuffer[windows(elements * Float.BYTES)];
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
    return inMemory(windows, elements * Float.BYTES);
  }

  /** Bytes in memory outside the heap, each buffer but the last {@link #WINDOW} long. */
  static TensorBytes inMemory(ByteBuffer[] windows, long size) {
    return new TensorBytes(size) {
      @Override
      ByteBuffer window(int index) {
        return windows[index];
      }
    };
  }

  /**
   * A copy in memory, row-major and little endian.
   *
   * @param fortran whether the first axis of the original is the fastest
   * @param swapped whether the bytes of its elements lie the other way round
   */
  static TensorBytes rearranged(
      TensorBytes original, long[] shape, int bytes, boolean fortran, boolean swapped) {
    ByteBuffer[] windows = new ByteBuffer[windows(original.size)];
    for (int i = 0; i < windows.length; i++) {
      int length = (int) Math.min(WINDOW, original.size - (long) i * WINDOW);
      windows[i] = ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
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
        ByteBuffer source = original.window((int) (from / WINDOW));
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
    return inMemory(windows, original.size);
  }

  static int windows(long size) {
    return Math.toIntExact((size + WINDOW - 1) / WINDOW);
  }
}
