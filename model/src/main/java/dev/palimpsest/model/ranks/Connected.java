package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What is the same for ranks however they are connected: the time and the names of operations. */
abstract class Connected implements Collectives {
  final Watchdog watchdog;
  final int rank;
  final int size;
  private final AtomicLong waitedNanos;

  /** Groups that were split off from this one; they end before it. */
  private final List<Connected> parts = new ArrayList<>();

  private final boolean isPart;

  /** Where operations run that are begun; null: at once. */
  private final @Nullable Background background;

  Connected(Watchdog watchdog, int rank, int size, boolean beside) {
    this.watchdog = watchdog;
    this.rank = rank;
    this.size = size;
    this.waitedNanos = new AtomicLong();
    this.isPart = false;
    this.background = beside ? new Background() : null;
  }

  /** A part of a group; the time that is waited in it counts as the whole's. */
  Connected(Connected whole, int rank, int size) {
    this.watchdog = whole.watchdog;
    this.rank = rank;
    this.size = size;
    this.waitedNanos = whole.waitedNanos;
    this.isPart = true;
    this.background = whole.background;
  }

  /** Makes the group of {@link #split}. */
  abstract Connected part(int group);

  /** Ends this group, or all of the library's work if it is not a part of another. */
  abstract void end(boolean isPart);

  @Override
  public final Collectives split(int group) {
    Connected part = part(group);
    parts.add(part);
    return part;
  }

  @Override
  public final void close() {
    parts.forEach(Connected::close);
    parts.clear();
    end(isPart);
    if (!isPart) {
      if (background != null) {
        background.close();
      }
      watchdog.close();
    }
  }

  @Override
  public final int rank() {
    return rank;
  }

  @Override
  public final int size() {
    return size;
  }

  @Override
  public final boolean isBeside() {
    return background != null;
  }

  @Override
  public final void begin(Runnable operations, Runnable afterwards) {
    if (background == null) {
      operations.run();
      afterwards.run();
      return;
    }
    Runnable computed = computed();
    background.begin(
        () -> {
          computed.run();
          operations.run();
          settle();
          afterwards.run();
        });
  }

  /**
   * For operations that are begun: what makes them wait for all that this thread has computed so
   * far.
   */
  Runnable computed() {
    return () -> {};
  }

  /** Waits until the device has done what was begun. */
  void settle() {}

  /** Whether this is the thread that runs what was begun. */
  final boolean runsBeside() {
    return background != null && background.isCurrent();
  }

  @Override
  public final void finish() {
    if (background != null && !runsBeside()) {
      long began = System.nanoTime();
      try {
        background.await();
      } finally {
        waitedNanos.addAndGet(System.nanoTime() - began);
      }
    }
  }

  @Override
  public final Duration takeWaited() {
    return Duration.ofNanos(waitedNanos.getAndSet(0));
  }

  /**
   * Runs an operation under the watchdog's eyes, after those that were begun; a failure names it
   * and this rank.
   */
  final void during(String what, Runnable operation) {
    finish();
    boolean isAwaited = !runsBeside();
    watchdog.begin(what);
    long began = System.nanoTime();
    try {
      operation.run();
    } catch (CollectiveException e) {
      throw failed(what, e);
    } finally {
      if (isAwaited) {
        waitedNanos.addAndGet(System.nanoTime() - began);
      }
      watchdog.end();
    }
  }

  final CollectiveException failed(String what, CollectiveException e) {
    return new CollectiveException(
        "rank %d of %d: %s failed: %s".formatted(rank, size, what, e.getMessage()), e);
  }

  final void requireWhole(NDArray array, Parts parts) {
    if (parts.total() != array.size() || parts.bounds().length != size + 1) {
      throw new IllegalArgumentException(
          "an array of %d elements and %d ranks do not fit the parts %s"
              .formatted(array.size(), size, parts));
    }
  }

  final void requirePowerOfTwo() {
    if (Integer.bitCount(size) != 1) {
      throw new IllegalArgumentException(
          "sums in a fixed order need a power of two as the number of ranks, got " + size);
    }
  }
}
