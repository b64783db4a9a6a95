package dev.palimpsest.checkpoints;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/** The stored bytes of one tensor, of any length: buffers end at 2^31-1 bytes, tensors do not. */
abstract class TensorBytes {
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

  /** Whether both hold the same bytes. */
  final boolean sameAs(TensorBytes other) {
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

  /** Bytes in memory outside the heap, each buffer but the last {@link #WINDOW} long. */
  static TensorBytes inMemory(ByteBuffer[] windows, long size) {
    return new TensorBytes(size) {
      @Override
      ByteBuffer window(int index) {
        return windows[index];
      }
    };
  }

  static int windows(long size) {
    return Math.toIntExact((size + WINDOW - 1) / WINDOW);
  }
}
