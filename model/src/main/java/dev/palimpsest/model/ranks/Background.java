package dev.palimpsest.model.ranks;

import dev.palimpsest.files.Daemons;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Operations that a thread of its own runs one after another, while the thread that begins them
 * computes. One that fails is the last that is run; its exception is thrown to whoever waits.
 */
final class Background implements AutoCloseable {
  private volatile @Nullable Thread own;

  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread made = Daemons.thread("collectives", task);
            own = made;
            return made;
          });

  private CompletableFuture<Void> last = CompletableFuture.allOf();

  /** Runs operations after those that were begun before. */
  void begin(Runnable operations) {
    last = last.thenRunAsync(operations, thread);
  }

  /** Whether the calling thread is the one that runs operations. */
  boolean isCurrent() {
    return Thread.currentThread() == own;
  }

  /** Waits until all have been run; throws what one of them threw. */
  void await() {
    try {
      last.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      if (e.getCause() instanceof Error failure) {
        throw failure;
      }
      throw e;
    }
  }

  @Override
  public void close() {
    thread.shutdown();
  }
}
