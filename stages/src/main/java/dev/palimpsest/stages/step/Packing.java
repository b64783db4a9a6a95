package dev.palimpsest.stages.step;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.model.towers.Sequences;
import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * How the examples of a micro batch are placed in sequences: a function of their numbers of
 * pictures and tokens only.
 *
 * @param limit most image and text tokens in a sequence; 0: no packing
 * @param pictureTokens image tokens of one picture
 */
public record Packing(int limit, int pictureTokens) {
  /** The packing of a stage. */
  public static Packing of(StageConfig stage, ModelConfig model) {
    return new Packing(stage.packTo(), model.vision().imageTokens(stage.resolution()));
  }

  /** Sequences of a batch in training layout. */
  Sequences sequences(ExampleBatch batch) {
    int seen = batch.textColumns() - 1; // the last column is only predicted
    return limit == 0
        ? Sequences.separate(batch.pictures(), seen)
        : Sequences.packed(batch.pictures(), realTokens(batch, seen), pictureTokens, limit);
  }

  /** Image tokens and real text tokens that the model is given. */
  long tokens(ExampleBatch batch) {
    long pictures = Arrays.stream(batch.pictures()).sum();
    return pictures * pictureTokens
        + Arrays.stream(realTokens(batch, batch.textColumns() - 1)).sum();
  }

  /** What a training pass over these sequences computes, padding included. */
  ModelCost.Pass pass(ExampleBatch batch, Sequences sequences) {
    long[] lengths = new long[sequences.count()];
    for (int b = 0; b < sequences.examples(); b++) {
      lengths[sequences.rows()[b]] +=
          (long) sequences.pictures()[b] * pictureTokens + sequences.textTokens()[b];
    }
    return new ModelCost.Pass(
        Arrays.stream(sequences.pictures()).sum(),
        lengths.length,
        Arrays.stream(lengths).max().orElse(0),
        (long) batch.size() * (batch.textColumns() - 1));
  }

  private static int[] realTokens(ExampleBatch batch, int seen) {
    IntBuffer real = batch.maskInput().asIntBuffer();
    int[] tokens = new int[batch.size()];
    for (int i = 0; i < tokens.length; i++) {
      for (int column = 0; column < seen; column++) {
        tokens[i] += real.get(i * batch.textColumns() + column);
      }
    }
    return tokens;
  }
}
