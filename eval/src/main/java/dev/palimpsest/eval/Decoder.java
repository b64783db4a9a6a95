package dev.palimpsest.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.KeyValueCache;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
   * influence each other.
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
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      rows.add(new Row(maxNewTokens, stop));
    }
    try (NDManager manager = parent.newSubManager()) {
      NDArray imageTokens = model.encodeImages(manager, parameters, images);
      try (KeyValueCache cache =
          model.prefill(manager, parameters, imageTokens, text, lengths, maxNewTokens)) {
        List<Row> cached = rows;
        long[] next = append(manager, cache, cached);
        while (!cached.stream().allMatch(Row::ended)) {
          // Leaving costs a copy of the cache, so rows that have ended wait for company.
          long ended = cached.stream().filter(Row::ended).count();
          if (2 * ended >= cached.size()) {
            long[] live = live(cached);
            cache.select(live);
            long[] tokens = next;
            next = Arrays.stream(live).map(i -> tokens[(int) i]).toArray();
            cached = cached.stream().filter(row -> !row.ended()).toList();
          }
          model.decodeStep(parameters, cache, next);
          next = append(manager, cache, cached);
        }
      }
    }
    return rows.stream().map(Row::decoded).toList();
  }

  /** Positions of the rows that go on. */
  private static long[] live(List<Row> rows) {
    long[] live = new long[rows.size()];
    int count = 0;
    for (int i = 0; i < rows.size(); i++) {
      if (!rows.get(i).ended()) {
        live[count++] = i;
      }
    }
    return Arrays.copyOf(live, count);
  }

  /** Gives each row its most likely token; returns all of them. */
  private static long[] append(NDManager parent, KeyValueCache cache, List<Row> rows) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray logits = cache.logits();
      // libtorch documents that argmax gives the first of several maxima.
      NDArray best = logits.argMax(1).toType(DataType.INT64, false);
      best.attach(manager);
      NDArray index = best.expandDims(1);
      index.attach(manager);
      NDArray all = logits.logSoftmax(1);
      all.attach(manager);
      float[] logProbabilities = all.gather(index, 1).toFloatArray();
      long[] tokens = best.toLongArray();
      for (int i = 0; i < tokens.length; i++) {
        rows.get(i).append((int) tokens[i], logProbabilities[i]);
      }
      return tokens;
    }
  }

  /** A row's answer so far. */
  private static final class Row {
    private final int[] tokens;
    private final float[] logProbabilities;
    private final Stop stop;
    private int length;

    Row(int limit, Stop stop) {
      this.tokens = new int[limit];
      this.logProbabilities = new float[limit];
      this.stop = stop;
    }

    /** Takes a token, unless the row has ended and is only carried along. */
    void append(int token, float logProbability) {
      if (!ended()) {
        tokens[length] = token;
        logProbabilities[length] = logProbability;
        length++;
      }
    }

    boolean ended() {
      return length == tokens.length
          || (stop == Stop.AT_EOS && length > 0 && tokens[length - 1] == Tokenizer.EOS);
    }

    Decoded decoded() {
      return new Decoded(Arrays.copyOf(tokens, length), Arrays.copyOf(logProbabilities, length));
    }
  }
}
