package dev.palimpsest.mixtures;

import dev.palimpsest.files.Daemons;
import dev.palimpsest.mixtures.BatchBuilder.Layout;
import dev.palimpsest.mixtures.Mixture.BatchStream;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.tasks.Example;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads batches ahead of their consumer with a bounded number of threads, and hands them out in
 * order whatever thread is done first.
 *
 * <p>Reading the rows of a batch is one task per part. Every part is then one task that allocates
 * the columns and one task per example, so that a single part is decoded by all threads. No task
 * waits for another.
 */
final class Prefetcher implements BatchStream {
  /** Where the examples of positions come from; called by several threads at once. */
  interface Examples {
    /**
     * The first good example for a global position.
     *
     * @param skipped receives the bad ones before it
     * @throws BadExampleException when there is none, or when a bad one may not be replaced
     */
    Placed first(long position, Collection<Skipped> skipped);

    /**
     * The next good example for the same position with as many pictures, after one that turned out
     * to be bad.
     *
     * @param skipped receives this one and the bad ones after it
     * @throws BadExampleException as for the first
     */
    Placed after(Placed bad, BadExampleException why, Collection<Skipped> skipped);
  }

  /**
   * An example at its global position.
   *
   * @param attempt the number of examples that were passed over for it
   */
  record Placed(long position, int attempt, Example example) {
    int pictures() {
      return example.images().size();
    }
  }

  /** A finished part and what was skipped for it. */
  private record Part(ExampleBatch batch, Queue<Skipped> skipped) {}

  private final Examples examples;
  private final BatchBuilder builder;
  private final LongUnaryOperator firstIndex;
  private final int batchSize;
  private final int partSize;
  private final Share share;
  private final int ahead;
  private final ExecutorService threads;
  private final Deque<CompletableFuture<Part>> pending = new ArrayDeque<>();
  private final List<Skipped> skipped = new ArrayList<>();
  private CompletableFuture<List<Placed>> batch = new CompletableFuture<>(); // scheduled last
  private Queue<Skipped> unread = new ConcurrentLinkedQueue<>(); // skipped when it was read
  private long scheduled; // parts
  private long waitedNanos;
  private volatile boolean closed;
  private @Nullable RuntimeException failure;

  /**
   * Starts to read.
   *
   * @param builder decodes; must outlive the stream and its batches
   * @param firstIndex global position of the first example of the n-th batch, n from 0
   * @param partSize examples in each part that is handed out; divides {@code batchSize}
   * @param share which parts are handed out
   * @param threads reading and decoding threads; read-ahead is bounded as {@link Mixture#batches}
   *     says
   */
  Prefetcher(
      Examples examples,
      BatchBuilder builder,
      LongUnaryOperator firstIndex,
      int batchSize,
      int partSize,
      Share share,
      int threads) {
    if (batchSize < 1 || threads < 1) {
      throw new IllegalArgumentException(
          "batch size and threads must be positive, got %d and %d".formatted(batchSize, threads));
    }
    this.examples = examples;
    this.builder = builder;
    this.firstIndex = firstIndex;
    this.batchSize = batchSize;
    this.partSize = partSize;
    this.share = share;
    this.ahead = Math.max(2, (2 * threads + partSize - 1) / partSize);
    this.threads = Executors.newFixedThreadPool(threads, Daemons.named("mixture"));
    while (pending.size() < ahead) {
      schedule();
    }
  }

  private void schedule() {
    int parts = batchSize / partSize / share.of();
    int round = (int) (scheduled % parts);
    long first = firstIndex.applyAsLong(scheduled / parts);
    if (scheduled++ % parts == 0) {
      unread = new ConcurrentLinkedQueue<>();
      batch = read(first, unread);
    }
    Queue<Skipped> ofBatch = unread;
    pending.add(
        batch.thenComposeAsync(
            placed -> {
              int part = share.part(round, pictures(placed));
              int from = part * partSize;
              // What was skipped when the batch was read is reported with its first part, whoever
              // has that.
              Queue<Skipped> bad = part == 0 ? ofBatch : new ConcurrentLinkedQueue<>();
              return decode(first + from, placed.subList(from, from + partSize), bad);
            },
            threads));
  }

  /** Of each part. */
  private long[] pictures(List<Placed> placed) {
    long[] pictures = new long[placed.size() / partSize];
    for (int i = 0; i < placed.size(); i++) {
      pictures[i / partSize] += placed.get(i).pictures();
    }
    return pictures;
  }

  /** The examples of a batch in the order in which its parts take them. */
  private CompletableFuture<List<Placed>> read(long first, Queue<Skipped> bad) {
    List<CompletableFuture<List<Placed>>> parts = new ArrayList<>();
    for (int from = 0; from < batchSize; from += partSize) {
      long start = first + from;
      parts.add(
          CompletableFuture.supplyAsync(
              () ->
                  LongStream.range(start, start + partSize)
                      .mapToObj(position -> examples.first(position, bad))
                      .toList(),
              threads));
    }
    return CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
        .thenApply(
            done ->
                parts.stream()
                    .flatMap(part -> part.join().stream())
                    .sorted(Comparator.comparingInt(Placed::pictures).reversed())
                    .toList());
  }

  private CompletableFuture<Part> decode(long first, List<Placed> placed, Queue<Skipped> bad) {
    List<Example> shown = placed.stream().map(Placed::example).toList();
    List<Long> positions = placed.stream().map(Placed::position).toList();
    ExampleBatch columns = builder.allocate(Layout.TRAINING, first, positions, shown);
    CompletableFuture<?>[] rows =
        IntStream.range(0, placed.size())
            .mapToObj(
                row -> CompletableFuture.runAsync(() -> fill(columns, row, placed, bad), threads))
            .toArray(CompletableFuture<?>[]::new);
    // allOf waits for every row, so that no thread writes into a batch that is closed here.
    return CompletableFuture.allOf(rows)
        .thenApply(done -> new Part(columns, bad))
        .whenComplete(
            (done, problem) -> {
              if (problem != null) {
                columns.close();
              }
            });
  }

  /** Fills a row with its example, or with the next good one with as many pictures. */
  private void fill(ExampleBatch columns, int row, List<Placed> placed, Queue<Skipped> bad) {
    Placed next = placed.get(row);
    while (!closed) {
      try {
        builder.fill(Layout.TRAINING, columns, row, next.example());
        columns.rename(row, next.example().id());
        return;
      } catch (BadExampleException e) {
        next = examples.after(next, e, bad);
      }
    }
  }

  @Override
  public ExampleBatch next() {
    if (closed) {
      throw new IllegalStateException("the stream of batches is closed");
    }
    if (failure != null) {
      throw failure;
    }
    schedule();
    long start = System.nanoTime();
    try {
      Part part = pending.remove().join();
      part.skipped().stream().sorted(Skipped.BY_POSITION).forEach(skipped::add);
      return part.batch();
    } catch (CompletionException e) {
      failure = e.getCause() instanceof RuntimeException cause ? cause : e;
      throw failure;
    } finally {
      waitedNanos += System.nanoTime() - start;
    }
  }

  @Override
  public long waitedNanos() {
    return waitedNanos;
  }

  @Override
  public List<Skipped> skipped() {
    List<Skipped> taken = List.copyOf(skipped);
    skipped.clear();
    return taken;
  }

  @Override
  public void close() {
    closed = true;
    for (CompletableFuture<Part> part : pending) {
      // A part that failed is freed already, and nobody is left to hear of it.
      part.handle((done, problem) -> close(done)).join();
    }
    pending.clear();
    threads.shutdown();
  }

  private static boolean close(@Nullable Part part) {
    if (part != null) {
      part.batch().close();
    }
    return part != null;
  }
}
