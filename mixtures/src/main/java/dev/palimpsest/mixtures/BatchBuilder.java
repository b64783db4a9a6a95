package dev.palimpsest.mixtures;

import dev.palimpsest.configs.ImageConfig;
import java.util.List;

/**
 * The one way from examples to columns, for training and for scoring: decodes and resizes pictures,
 * tokenises, lays out. Thread-safe; batches may outlive each other but not the builder.
 */
public final class BatchBuilder implements AutoCloseable {
  /**
   * A builder.
   *
   * @param resolution side of the square pictures, in pixels
   * @param textTokens text positions, as {@link TokenSequence} counts them
   */
  public BatchBuilder(ImageConfig image, int resolution, int textTokens, Tokenizer tokenizer) {}

  /**
   * Prompts and targets: {@link TokenSequence#forTraining}.
   *
   * @param firstIndex what {@link ExampleBatch#firstIndex()} will say
   * @param examples at least one, all with the same number of pictures
   * @throws BadExampleException when an example cannot be used
   */
  public ExampleBatch training(long firstIndex, List<Example> examples) {
    throw new UnsupportedOperationException();
  }

  /**
   * Prompts to be continued: {@link TokenSequence#forDecoding}; else as {@link #training}.
   *
   * @throws BadExampleException when an example cannot be used
   */
  public ExampleBatch decoding(long firstIndex, List<Example> examples) {
    throw new UnsupportedOperationException();
  }

  /**
   * Frees the builder.
   *
   * @throws IllegalStateException when a batch was not closed
   */
  @Override
  public void close() {}
}
