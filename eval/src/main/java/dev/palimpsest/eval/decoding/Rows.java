package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Answers that are extended by one token at a time without revision: greedy decoding and sampling.
 */
final class Rows implements Hypotheses {
  private final int samples; // of each prompt
  private final Chooser chooser;
  private final List<Row> all = new ArrayList<>(); // by prompt, then sample
  private List<Row> cached; // the answers that own a row of the cache, in order
  private long[] parents = {};

  /**
   * Starts with empty answers.
   *
   * @param streams by prompt
   * @param stop when an answer ends
   */
  Rows(long[] streams, DecodeConfig settings, Decoder.Stop stop, Chooser chooser) {
    this.samples = settings.bestOf();
    this.chooser = chooser;
    for (long stream : streams) {
      for (int sample = 0; sample < samples; sample++) {
        Draws draws = new Draws(settings.seed(), stream, sample);
        all.add(new Row(settings.maxNewTokens(), stop, draws));
      }
    }
    this.cached = all;
  }

  @Override
  public void extend(NDArray logits) {
    Choice[] choices = chooser.choose(logits, cached.stream().map(row -> row.draws).toList());
    for (int i = 0; i < choices.length; i++) {
      cached.get(i).append(choices[i]);
    }
    // Removing rows costs a copy of the cache, so it is done for many ended rows at once.
    long ended = cached.stream().filter(Row::hasEnded).count();
    boolean leave = 2 * ended >= cached.size();
    List<Row> before = cached;
    List<Row> after = new ArrayList<>();
    long[] kept = new long[before.size()];
    for (int i = 0; i < before.size(); i++) {
      if (!leave || !before.get(i).hasEnded()) {
        kept[after.size()] = i;
        after.add(before.get(i));
      }
    }
    parents = Arrays.copyOf(kept, after.size());
    cached = after;
  }

  @Override
  public boolean haveEnded() {
    return cached.stream().allMatch(Row::hasEnded);
  }

  @Override
  public long[] parents() {
    return parents;
  }

  @Override
  public long[] tokens() {
    return cached.stream().mapToLong(Row::last).toArray();
  }

  @Override
  public Decoded answer(int prompt) {
    return best(prompt).decoded();
  }

  @Override
  public boolean isSettled(int prompt) {
    Row best = best(prompt);
    for (Row row : samples(prompt)) {
      boolean rival =
          row != best
              && best.sum - row.sum <= Decoder.CLOSE
              && !Arrays.equals(row.decoded().tokens(), best.decoded().tokens());
      if (rival || !row.settled) {
        return false;
      }
    }
    return true;
  }

  private List<Row> samples(int prompt) {
    return all.subList(prompt * samples, (prompt + 1) * samples);
  }

  /** The sample with the highest sum; of several, the first. */
  private Row best(int prompt) {
    Row best = all.get(prompt * samples);
    for (Row row : samples(prompt)) {
      if (row.sum > best.sum) {
        best = row;
      }
    }
    return best;
  }

  /** A partial answer. */
  private static final class Row {
    private final int[] tokens;
    private final float[] logProbabilities;
    private final Decoder.Stop stop;
    private final Draws draws;
    private int length;
    private double sum;
    private boolean settled = true;

    Row(int limit, Decoder.Stop stop, Draws draws) {
      this.tokens = new int[limit];
      this.logProbabilities = new float[limit];
      this.stop = stop;
      this.draws = draws;
    }

    /** Appends a token, unless the row has ended and is only kept until it is removed. */
    void append(Choice choice) {
      if (!hasEnded()) {
        tokens[length] = choice.token();
        logProbabilities[length] = choice.logProbability();
        length++;
        sum += choice.logProbability();
        settled &= choice.settled();
      }
    }

    boolean hasEnded() {
      return length == tokens.length
          || (stop == Decoder.Stop.AT_EOS && length > 0 && tokens[length - 1] == Tokenizer.EOS);
    }

    long last() {
      return tokens[length - 1];
    }

    Decoded decoded() {
      return new Decoded(Arrays.copyOf(tokens, length), Arrays.copyOf(logProbabilities, length));
    }
  }
}
