package dev.palimpsest.eval;

import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * How likely a model finds the references of a task, in a form that can be compared with another
 * model's.
 *
 * @param tokens of each example's reference; they differ where tokenizers do
 * @param loss mean over examples; absent if no example has a loss
 * @param perplexity over tokens; absent likewise
 */
public record Likelihoods(
    List<Long> tokens, Optional<MetricResult> loss, Optional<MetricResult> perplexity) {
  private static final MetricId LOSS = new MetricId("loss", "reference", 1);
  private static final MetricId PERPLEXITY = new MetricId("perplexity", "reference", 1);

  /** Keeps an unmodifiable copy. */
  public Likelihoods {
    tokens = List.copyOf(tokens);
  }

  /**
   * Of a task's examples.
   *
   * @param losses mean loss of each reference's tokens; those that are not finite are left out
   * @param counts tokens of each reference
   */
  static Likelihoods of(List<MetricRecord> records, double[] losses, long[] counts) {
    int[] counted =
        IntStream.range(0, losses.length).filter(i -> Double.isFinite(losses[i])).toArray();
    List<Long> tokens = IntStream.of(counted).mapToObj(i -> counts[i]).toList();
    if (counted.length == 0) {
      return new Likelihoods(tokens, Optional.empty(), Optional.empty());
    }
    Scoreboard board = new Scoreboard(LOSS, "loss");
    List<ExampleScore> each = new ArrayList<>();
    for (int i : counted) {
      board.add(records.get(i), losses[i]);
      each.add(new ExampleScore(records.get(i).id(), Math.exp(losses[i])));
    }
    MetricResult.Headline overTokens =
        drawn -> {
          double sum = 0;
          long all = 0;
          for (int i : drawn) {
            sum += losses[counted[i]] * counts[counted[i]];
            all += counts[counted[i]];
          }
          return Math.exp(sum / all);
        };
    double perplexity = overTokens.of(IntStream.range(0, counted.length).toArray());
    return new Likelihoods(
        tokens,
        Optional.of(board.result()),
        Optional.of(
            new MetricResult(
                PERPLEXITY,
                "perplexity",
                perplexity,
                Map.of("perplexity", perplexity),
                each,
                counted.length,
                0,
                overTokens)));
  }
}
