package dev.palimpsest.files;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Brings a large file to disk while it is written, on a thread of its own. Otherwise the system
 * keeps it in memory, up to a share of all memory, and the disk has nothing to do until then.
 */
final class EarlySync implements AutoCloseable {
  /** Fewer bytes at a time would cost more calls, more would leave the disk idle. */
  private static final long STEP = 128L << 20;

  private static final int POLL_MILLIS = 10;

  private final Length length;
  private final Sync sync;
  private final CountDownLatch written = new CountDownLatch(1);
  private final Thread thread = Daemons.thread("sync", this::run);
  private volatile @Nullable IOException failure;

  /** The number of bytes written so far. */
  @FunctionalInterface
  interface Length {
    long get() throws IOException;
  }

  /** Brings what has been written to disk. */
  @FunctionalInterface
  interface Sync {
    void run(boolean metadata) throws IOException;
  }

  /** Starts at the file's first byte. */
  EarlySync(FileChannel channel) {
    this(channel::size, channel::force);
  }

  EarlySync(Length length, Sync sync) {
    this.length = length;
    this.sync = sync;
    thread.start();
  }

  private void run() {
    long synced = 0;
    try {
      while (!written.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        long size = length.get();
        if (size - synced >= STEP) {
          sync.run(false);
          synced = size;
        }
      }
    } catch (ClosedChannelException | InterruptedException e) {
      return; // the writer has failed, and says why
    } catch (IOException e) {
      failure = e;
    }
  }

  /**
   * Brings what is left to disk.
   *
   * @throws IOException when anything could not be brought there, which the system may say only
   *     once: a later sync can succeed where an earlier one failed
   */
  void finish() throws IOException {
    written.countDown();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (failure != null) {
      throw failure;
    }
    sync.run(true);
  }

  /** Ends the thread. */
  @Override
  public void close() {
    written.countDown();
  }
}
