package dev.palimpsest.stages.training;

import dev.palimpsest.model.kernels.NativeMemory;
import java.util.concurrent.locks.LockSupport;

/**
 * The most memory that arrays have at a time, looked at every few milliseconds. It says nothing on
 * a GPU, or where the C library does not tell.
 */
final class ArrayPeak implements AutoCloseable {
  private static final long INTERVAL_NANOS = 3_000_000;

  private final long others;
  private final Thread watcher = new Thread(this::watch, "array-memory");
  private volatile boolean ended;
  private long peak;

  /**
   * Begins to look.
   *
   * @param held bytes of the arrays that exist already
   */
  ArrayPeak(long held) {
    this.others = NativeMemory.inUse().orElse(0) - held;
    watcher.setDaemon(true);
    if (NativeMemory.inUse().isPresent()) {
      watcher.start();
    }
  }

  private void watch() {
    while (!ended) {
      look();
      LockSupport.parkNanos(INTERVAL_NANOS);
    }
  }

  private synchronized void look() {
    peak = Math.max(peak, NativeMemory.inUse().orElse(others) - others);
  }

  /** The most since the last call, in bytes; 0: unknown. */
  synchronized long take() {
    long taken = peak;
    peak = 0;
    return taken;
  }

  @Override
  public void close() {
    ended = true;
    LockSupport.unpark(watcher);
  }
}
