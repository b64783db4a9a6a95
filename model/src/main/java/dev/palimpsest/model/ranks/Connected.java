package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import java.time.Duration;

/** What is the same for ranks however they are connected: the time and the names of operations. */
abstract class Connected implements Collectives {
  final Watchdog watchdog;
  final int rank;
  final int size;
  private long waitedNanos;

  Connected(Watchdog watchdog, int rank, int size) {
    this.watchdog = watchdog;
    this.rank = rank;
    this.size = size;
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
  public final Duration takeWaited() {
    Duration waited = Duration.ofNanos(waitedNanos);
    waitedNanos = 0;
    return waited;
  }

  /** Runs an operation under the watchdog's eyes; a failure names it and this rank. */
  final void during(String what, Runnable operation) {
    watchdog.begin(what);
    long began = System.nanoTime();
    try {
      operation.run();
    } catch (CollectiveException e) {
      throw failed(what, e);
    } finally {
      waitedNanos += System.nanoTime() - began;
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
