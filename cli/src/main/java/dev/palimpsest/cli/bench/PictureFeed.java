package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.mixtures.BatchBuilder;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Micro batches whose pictures are decoded from files while steps are computed, with text in every
 * position: the first quarter is the prompt, as in the made-up batches.
 */
final class PictureFeed implements AutoCloseable {
  private final StepSizes bench;
  private final List<Path> files;
  private final BatchBuilder batches;
  private final ExecutorService threads;
  private final Deque<CompletableFuture<ExampleBatch>> ahead = new ArrayDeque<>();
  private long scheduled;
  private long waitedNanos;

  /**
   * Starts decoding.
   *
   * @param workers threads, each of which decodes a batch
   */
  PictureFeed(StepSizes bench, List<Path> files, int workers) {
    this.bench = bench;
    this.files = files;
    this.batches =
        new BatchBuilder(
            new ImageConfig(ImageConfig.Resize.BILINEAR, true),
            bench.resolution(),
            bench.textTokens(),
            new Letters(bench.model().language().vocabulary()));
    this.threads = Executors.newFixedThreadPool(workers, Daemons.named("pictures"));
    for (int i = 0; i <= workers; i++) {
      schedule();
    }
  }

  private void schedule() {
    long first = scheduled;
    scheduled += bench.batchSize();
    ahead.add(
        CompletableFuture.supplyAsync(() -> batches.training(first, examples(first)), threads));
  }

  private List<Example> examples(long first) {
    int prompt = bench.textTokens() / 4;
    List<Example> examples = new ArrayList<>();
    for (long i = first; i < first + bench.batchSize(); i++) {
      Path file = files.get((int) (i % files.size()));
      // BOS and the separator belong to the prompt; EOS ends the answer.
      String prefix = "p".repeat(Math.max(0, prompt - 2));
      String suffix = "s".repeat(bench.textTokens() - prompt);
      examples.add(new Example("" + i, List.of(ImageReference.file(file)), prefix, suffix));
    }
    return examples;
  }

  /** The next micro batch, with its arrays in {@code manager}. */
  MicroBatch next(NDManager manager) {
    long began = System.nanoTime();
    ExampleBatch batch = ahead.remove().join();
    waitedNanos += System.nanoTime() - began;
    schedule();
    return MicroBatch.upload(manager, batch, new Packing(0, 0));
  }

  /** Seconds that steps have waited for pictures since the last call. */
  double waited() {
    double seconds = waitedNanos / 1e9;
    waitedNanos = 0;
    return seconds;
  }

  @Override
  public void close() {
    ahead.forEach(batch -> batch.join().close());
    threads.shutdown();
    batches.close();
  }

  /** One token per letter, different from position to position. */
  private record Letters(int vocabularySize) implements Tokenizer {
    private static final int SPECIAL = 3; // padding, BOS and EOS

    @Override
    public int[] encode(String text) {
      int[] ids = new int[text.length()];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = SPECIAL + (text.charAt(i) * 31 + i * 7) % (vocabularySize - SPECIAL);
      }
      return ids;
    }

    @Override
    public String decode(int[] ids) {
      return "";
    }
  }
}
