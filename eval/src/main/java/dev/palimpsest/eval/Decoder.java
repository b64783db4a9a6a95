package dev.palimpsest.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.KeyValueCache;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Greedy decoding of a batch of prompts, one cached step a token. */
public final class Decoder {
  private Decoder() {}

  /**
   * The new tokens of one row.
   *
   * @param tokens in order; the last is EOS where decoding stopped at it
   * @param logProbabilities of each token, given the ones before it
   */
  public record Decoded(int[] tokens, float[] logProbabilities) {}

  /** What ends a row. */
  public enum Stop {
    /** EOS, or the token limit. */
    AT_EOS,
    /** The token limit alone, as reference programs sometimes write their traces. */
    AT_LIMIT
  }

  /**
   * Takes the most likely token each time, of several equally likely the lowest id. Rows do not
   * influence each other: one that has ended is carried along until the last one ends.
   *
   * @param parent everything made here lives in a child of it and is gone on return
   * @param images float32 [B, F, S, S, 3]
   * @param text int64 [B, T], padded at the right
   * @param lengths real tokens by row, [B]
   * @return one a row
   */
  public static List<Decoded> greedy(
      NDManager parent,
      PaliGemma model,
      Parameters parameters,
      NDArray images,
      NDArray text,
      int[] lengths,
      int maxNewTokens,
      Stop stop) {
    int rows = lengths.length;
    int[][] tokens = new int[rows][maxNewTokens];
    float[][] logProbabilities = new float[rows][maxNewTokens];
    int[] ends = new int[rows];
    Arrays.fill(ends, maxNewTokens);
    try (NDManager manager = parent.newSubManager()) {
      NDArray imageTokens = model.encodeImages(manager, parameters, images);
      try (KeyValueCache cache =
          model.prefill(manager, parameters, imageTokens, text, lengths, maxNewTokens)) {
        for (int step = 0; step < maxNewTokens; step++) {
          long[] next = step(manager, cache, step, logProbabilities);
          for (int row = 0; row < rows; row++) {
            tokens[row][step] = (int) next[row];
            if (stop == Stop.AT_EOS && next[row] == Tokenizer.EOS) {
              ends[row] = Math.min(ends[row], step + 1);
            }
          }
          if (step + 1 >= Arrays.stream(ends).max().orElse(0)) {
            break;
          }
          model.decodeStep(parameters, cache, next);
        }
      }
    }
    return IntStream.range(0, rows)
        .mapToObj(
            row ->
                new Decoded(
                    Arrays.copyOf(tokens[row], ends[row]),
                    Arrays.copyOf(logProbabilities[row], ends[row])))
        .toList();
  }

  /** The most likely token of each row; writes its log-probability. */
  private static long[] step(
      NDManager parent, KeyValueCache cache, int step, float[][] logProbabilities) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray logits = cache.logits();
      NDArray scores = logits.logSoftmax(1);
      // libtorch documents that argmax gives the first of several maxima.
      NDArray best = logits.argMax(1);
      scores.attach(manager);
      best.attach(manager);
      NDArray index = best.expandDims(1);
      NDArray taken = scores.gather(index, 1);
      index.attach(manager);
      taken.attach(manager);
      float[] values = taken.toFloatArray();
      for (int row = 0; row < values.length; row++) {
        logProbabilities[row][step] = values[row];
      }
      return best.toType(DataType.INT64, false).toLongArray();
    }
  }
}
