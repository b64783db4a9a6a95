package dev.palimpsest.model.kernels;

import dev.palimpsest.files.Daemons;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Pieces of work for as many threads as libtorch has: each takes the next one until none is left.
 */
final class Workers {
  private static final ExecutorService HELPERS =
      Executors.newCachedThreadPool(Daemons.named("optimizer"));

  private Workers() {}

  /**
   * Returns when all pieces are done.
   *
   * @param worker makes what a thread does with the number of a piece
   */
  static void each(int pieces, Supplier<IntConsumer> worker) {
    AtomicInteger next = new AtomicInteger();
    Runnable work =
        () -> {
          IntConsumer one = worker.get();
          for (int i = next.getAndIncrement(); i < pieces; i = next.getAndIncrement()) {
            one.accept(i);
          }
        };
    List<CompletableFuture<Void>> helpers = new ArrayList<>();
    for (int i = 1; i < Math.min(EngineFacts.threads(), pieces); i++) {
      helpers.add(CompletableFuture.runAsync(work, HELPERS));
    }
    work.run();
    helpers.forEach(CompletableFuture::join);
  }
}
