package dev.palimpsest.mixtures;

import dev.palimpsest.configs.Segment;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImagePreprocessor;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/**
 * Turns examples into columns, for training and for scoring alike: decodes and resizes pictures,
 * tokenises, and lays out the text. Thread-safe; batches may outlive each other but not the
 * builder.
 */
public final class BatchBuilder implements AutoCloseable {
  /**
   * Separates prefix and suffix; tokenised by itself, so that it never merges with its neighbours.
   */
  private static final String SEPARATOR = "\n";

  private final ImageConfig image;
  private final int resolution;
  private final int textTokens;
  private final Tokenizer tokenizer;
  private final Segment lossFrom;
  private final int[] separator;
  private final BufferAllocator allocator = new RootAllocator();
  private final PixelMemory memory = new PixelMemory(allocator);
  private final ThreadLocal<byte[]> levels = ThreadLocal.withInitial(() -> new byte[0]);

  /** What the text columns hold. */
  enum Layout {
    TRAINING,
    DECODING
  }

  /**
   * Creates a builder.
   *
   * @param resolution side of the square pictures, in pixels
   * @param textTokens text positions, as {@link TokenSequence} counts them
   */
  public BatchBuilder(ImageConfig image, int resolution, int textTokens, Tokenizer tokenizer) {
    this(image, resolution, textTokens, tokenizer, Segment.SUFFIX);
  }

  /** A stage's builder. */
  BatchBuilder(StageConfig stage, Tokenizer tokenizer) {
    this(stage.image(), stage.resolution(), stage.textTokens(), tokenizer, stage.lossFrom());
  }

  private BatchBuilder(
      ImageConfig image, int resolution, int textTokens, Tokenizer tokenizer, Segment lossFrom) {
    this.lossFrom = lossFrom;
    this.image = image;
    this.resolution = resolution;
    this.textTokens = textTokens;
    this.tokenizer = tokenizer;
    this.separator = tokenizer.encode(SEPARATOR);
  }

  /**
   * Prompts and targets: {@link TokenSequence#forTraining}.
   *
   * @param firstIndex the batch's {@link ExampleBatch#firstIndex()}
   * @param examples at least one; they may have different numbers of pictures
   * @throws BadExampleException when an example cannot be used
   */
  public ExampleBatch training(long firstIndex, List<Example> examples) {
    return build(Layout.TRAINING, firstIndex, examples);
  }

  /**
   * Prompts to be continued: {@link TokenSequence#forDecoding}; otherwise as {@link #training}.
   *
   * @throws BadExampleException when an example cannot be used
   */
  public ExampleBatch decoding(long firstIndex, List<Example> examples) {
    return build(Layout.DECODING, firstIndex, examples);
  }

  private ExampleBatch build(Layout layout, long firstIndex, List<Example> examples) {
    List<Long> positions =
        LongStream.range(firstIndex, firstIndex + examples.size()).boxed().toList();
    ExampleBatch batch = allocate(layout, firstIndex, positions, examples);
    try {
      for (int row = 0; row < examples.size(); row++) {
        fill(layout, batch, row, examples.get(row));
      }
      return batch;
    } catch (RuntimeException | Error e) {
      batch.close();
      throw e;
    }
  }

  /**
   * Allocates a batch whose rows are still to be filled.
   *
   * @param positions the batch's {@link ExampleBatch#positions()}
   */
  ExampleBatch allocate(
      Layout layout, long firstIndex, List<Long> positions, List<Example> examples) {
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("a batch needs at least one example");
    }
    return new ExampleBatch(
        allocator,
        memory,
        firstIndex,
        positions,
        examples.stream().map(Example::id).toList(),
        examples.stream().mapToInt(example -> example.images().size()).toArray(),
        resolution,
        layout == Layout.TRAINING ? textTokens + 1 : textTokens);
  }

  /** Fills one row. Different threads may fill rows of the same batch. */
  void fill(Layout layout, ExampleBatch batch, int row, Example example) {
    try {
      int[] prefix = tokenizer.encode(example.prefix());
      TokenSequence tokens =
          layout == Layout.TRAINING
              ? TokenSequence.forTraining(
                  prefix, separator, tokenizer.encode(example.suffix()), textTokens, lossFrom)
              : TokenSequence.forDecoding(prefix, separator, textTokens);
      batch.fill(row, tokens, pixels -> writePictures(example, pixels));
    } catch (BadExampleException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new BadExampleException("example %s: %s".formatted(example.id(), e), e);
    }
  }

  private void writePictures(Example example, FloatBuffer pixels) {
    for (ImageReference reference : example.images()) {
      try {
        ImagePreprocessor.write(
            image,
            reference.decode(image.jpeg(), this::levels),
            resolution,
            example.steps(),
            pixels);
      } catch (IOException e) {
        throw reference.unread(example.id(), e);
      }
    }
  }

  /**
   * Memory for a decoded picture; the same thread overwrites it with the next picture of the same
   * size.
   */
  private byte[] levels(int size) {
    byte[] kept = levels.get();
    if (kept.length != size) {
      kept = new byte[size];
      levels.set(kept);
    }
    return kept;
  }

  /** Bytes that open batches occupy. */
  long allocatedBytes() {
    return allocator.getAllocatedMemory() - memory.bytes();
  }

  /**
   * Frees the builder's memory.
   *
   * @throws IllegalStateException when a batch was not closed
   */
  @Override
  public void close() {
    if (allocatedBytes() > 0) {
      throw new IllegalStateException(
          "batches of %d bytes are still open; close batches and streams before the builder or mixture that made them"
              .formatted(allocatedBytes()));
    }
    memory.clear();
    allocator.close();
  }
}
