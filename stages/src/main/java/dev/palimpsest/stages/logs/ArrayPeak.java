package dev.palimpsest.stages.logs;

import dev.palimpsest.files.Daemons;
import dev.palimpsest.model.kernels.NativeMemory;
import java.util.concurrent.locks.LockSupport;

/**
 * The peak memory of arrays, sampled every few milliseconds. It is unknown on a GPU, and where the
 * C library does not report what it has handed out.
 */
public final class ArrayPeak implements AutoCloseable {
  private static final long INTERVAL_NANOS = 3_000_000;

  /** The C library goes through all free blocks to answer, and nobody gets memory meanwhile. */
  private static final int PAUSES = 20;

  private final Thread watcher = Daemons.thread("array-memory", this::watch);
  private volatile boolean ended;

  /** What was in use besides arrays before this step. */
  private long others;

  private long peak;

  /**
   * Starts sampling.
   *
   * @param held bytes of the arrays that exist already
   */
  public ArrayPeak(long held) {
    this.others = NativeMemory.inUse().orElse(0) - held;
    if (NativeMemory.inUse().isPresent()) {
      watcher.start();
    }
  }

  private void watch() {
    while (!ended) {
      long began = System.nanoTime();
      look();
      LockSupport.parkNanos(Math.max(INTERVAL_NANOS, PAUSES * (System.nanoTime() - began)));
    }
  }

  private synchronized void look() {
    peak = Math.max(peak, NativeMemory.inUse().orElse(0));
  }

  /**
   * The most since the last call, in bytes; 0: unknown. Called between steps. The memory that is in
   * use for other things is taken as the smaller figure of before and after, because what an
   * earlier stage left or the JVM's compiler uses is freed at some time.
   *
   * @param held bytes of the arrays that exist now
   */
  public synchronized long take(long held) {
    long now = NativeMemory.inUse().orElse(0) - held;
    long taken = peak == 0 ? 0 : peak - Math.min(others, now);
    others = now;
    peak = 0;
    return taken;
  }

  @Override
  public void close() {
    ended = true;
    LockSupport.unpark(watcher);
  }
}
