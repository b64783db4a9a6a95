package dev.palimpsest.eval.metrics;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A metric's result for a split. Accuracies are fractions in [0, 1], never percent; CIDEr is on its
 * own scale from 0 to 10.
 *
 * @param metric name, variant and version
 * @param quantity the name of {@code value}: {@code acc}, {@code CIDEr}
 * @param value the headline
 * @param values every named quantity, the headline among them, in reporting order
 * @param examples one score per example in the order of the records; empty if scores of single
 *     examples are meaningless
 * @param n the number of examples that count
 * @param parseFailures predictions that could not be parsed as an answer, counted as wrong
 * @param headline how {@code value} is computed from the examples
 */
public record MetricResult(
    MetricId metric,
    String quantity,
    double value,
    Map<String, Double> values,
    List<ExampleScore> examples,
    int n,
    int parseFailures,
    Headline headline) {

  /** One example's score. */
  public record ExampleScore(String id, double score) {}

  /** How a headline value is computed from examples, for the bootstrap. */
  @FunctionalInterface
  public interface Headline {
    /** The headline value of a resample; indices from 0 to n - 1, with repetitions. */
    double of(int[] drawn);

    /** Whether the headline is the plain mean of the examples' scores. */
    default boolean isMean() {
      return false;
    }
  }

  /** Keeps unmodifiable copies. */
  public MetricResult {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    examples = List.copyOf(examples);
  }

  /** The examples' scores alone. */
  public double[] scores() {
    return examples.stream().mapToDouble(ExampleScore::score).toArray();
  }

  /**
   * Standard error of the headline value: for a mean {@code sd / sqrt(n)}; for a corpus metric the
   * standard deviation over the resamples.
   *
   * @return empty when there are fewer than two examples
   */
  public OptionalDouble standardError(Bootstrap bootstrap) {
    return headline.isMean()
        ? Statistics.standardError(scores())
        : bootstrap.standardError(n, headline);
  }

  /** Percentile interval of the headline over resamples of the examples. */
  public Bootstrap.Interval interval(Bootstrap bootstrap) {
    return bootstrap.interval(n, headline);
  }
}
