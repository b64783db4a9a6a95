package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.towers.ModelInput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Prompts of several lengths about drawn pictures, in any order and company. */
final class DrawnPrompts {
  final int count;
  final int[] lengths;

  private final TinyModel tiny;
  private final float[][] pictures;
  private final long[][] texts;

  /**
   * Draws.
   *
   * @param lengths of the prompts, one each
   */
  DrawnPrompts(TinyModel tiny, long seed, int... lengths) {
    this.tiny = tiny;
    this.count = lengths.length;
    this.lengths = lengths;
    SplittableRandom random = new SplittableRandom(seed);
    pictures = new float[count][TinyModel.SIDE * TinyModel.SIDE * 3];
    texts = new long[count][];
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < pictures[row].length; i++) {
        pictures[row][i] = (float) (2 * random.nextDouble() - 1);
      }
      texts[row] = random.longs(lengths[row], 3, TinyModel.VOCABULARY).toArray();
    }
  }

  /** These prompts in this order, padded to the longest and {@code padding} more. */
  Prompts of(NDManager manager, int padding, int... rows) {
    int columns = padding + Arrays.stream(rows).map(row -> lengths[row]).max().orElseThrow();
    float[] pixels = new float[rows.length * pictures[0].length];
    long[] text = new long[rows.length * columns];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(pictures[rows[i]], 0, pixels, i * pictures[0].length, pictures[0].length);
      System.arraycopy(texts[rows[i]], 0, text, i * columns, lengths[rows[i]]);
    }
    return new Prompts(
        manager.create(pixels, new Shape(rows.length, 1, TinyModel.SIDE, TinyModel.SIDE, 3)),
        manager.create(text, new Shape(rows.length, columns)),
        Arrays.stream(rows).map(row -> lengths[row]).toArray(),
        Arrays.stream(rows).mapToLong(row -> 1000L + row).toArray());
  }

  /** All prompts in order. */
  Prompts all(NDManager manager) {
    int[] rows = new int[count];
    Arrays.setAll(rows, i -> i);
    return of(manager, 0, rows);
  }

  /**
   * Log-probabilities of all tokens after a prompt and some answer, from a full forward pass
   * without a cache.
   */
  float[] next(int row, List<Integer> answer) {
    try (NDManager manager = tiny.manager.newSubManager()) {
      int length = lengths[row] + answer.size();
      long[] ids = Arrays.copyOf(texts[row], length);
      long[] maskAr = new long[length];
      for (int i = lengths[row]; i < length; i++) {
        ids[i] = answer.get(i - lengths[row]);
        maskAr[i] = 1;
      }
      NDArray logits =
          tiny.model.logits(
              manager,
              tiny.weights,
              new ModelInput(
                  of(manager, 0, row).images(),
                  manager.create(ids, new Shape(1, length)),
                  manager.create(maskAr, new Shape(1, length))),
              Trace.NONE);
      return logits.get(0).get(length - 1).logSoftmax(0).toFloatArray();
    }
  }

  /** A row's answer as a list. */
  static List<Integer> tokens(Decoded answer) {
    List<Integer> tokens = new ArrayList<>();
    Arrays.stream(answer.tokens()).forEach(tokens::add);
    return tokens;
  }
}
