package dev.palimpsest.mixtures;

import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.TaskConfig;
import java.util.Map;

/**
 * To be written: a stage's weighted tasks, their order, and batches read ahead by a bounded pool of
 * threads.
 */
public final class Mixture implements AutoCloseable {
  /** Opens the sources. */
  public static Mixture open(
      long seed,
      String stage,
      Map<String, TaskConfig> tasks,
      Map<String, Double> weights,
      ImageConfig image,
      int resolution,
      int textTokens,
      Tokenizer tokenizer) {
    throw new UnsupportedOperationException();
  }

  /** Task names in weight order. */
  public MixtureOrder order() {
    throw new UnsupportedOperationException();
  }

  /** SHA-256 over sources' contents, weights and order parameters, in hex. */
  public String fingerprint() {
    throw new UnsupportedOperationException();
  }

  /**
   * Batches from a position on, without end.
   *
   * @param fromIndex global position of the first example
   * @param batchSize examples a batch
   * @param threads decoding threads; read-ahead is bounded
   */
  public BatchStream batches(long fromIndex, int batchSize, int threads) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}

  /** Batches in order, decoded ahead. Not thread-safe. */
  public interface BatchStream extends AutoCloseable {
    /** The next batch; the caller closes it. */
    ExampleBatch next();

    /** Nanoseconds that {@link #next()} has waited so far. */
    long waitedNanos();

    @Override
    void close();
  }
}
