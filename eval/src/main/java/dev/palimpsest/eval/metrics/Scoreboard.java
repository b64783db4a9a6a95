package dev.palimpsest.eval.metrics;

import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import dev.palimpsest.eval.metrics.MetricResult.Headline;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Accumulates the mean of each quantity, example by example, for metrics whose headline value is a
 * mean.
 */
public final class Scoreboard {
  private final MetricId metric;
  private final String quantity;
  private final Map<String, double[]> sums = new LinkedHashMap<>();
  private final Map<String, Double> derived = new LinkedHashMap<>();
  private final List<ExampleScore> examples = new ArrayList<>();
  private int parseFailures;

  /**
   * @param quantity the headline's name
   */
  public Scoreboard(MetricId metric, String quantity) {
    this.metric = metric;
    this.quantity = quantity;
  }

  /** Adds an example's headline score. */
  public void add(MetricRecord record, double score) {
    examples.add(new ExampleScore(record.id(), score));
    add(quantity, score);
  }

  /** Adds an example's score in another quantity, which is reported as a mean. */
  public void add(String name, double score) {
    double[] sum = sums.computeIfAbsent(name, n -> new double[2]);
    sum[0] += score;
    sum[1]++;
  }

  /** Sets a quantity that is not a mean over examples. */
  public void put(String name, double value) {
    derived.put(name, value);
  }

  /** Counts a prediction that could not be read. */
  public void parseFailure() {
    parseFailures++;
  }

  /** The mean of what was added to a quantity. */
  public double mean(String name) {
    double[] sum = sums.get(name);
    if (sum == null) {
      throw new IllegalArgumentException("nothing was added to " + name);
    }
    return sum[0] / sum[1];
  }

  /** How many examples were added to a quantity. */
  public int count(String name) {
    double[] sum = sums.get(name);
    return sum == null ? 0 : (int) sum[1];
  }

  /** The quantities that examples were added to. */
  public List<String> quantities() {
    return List.copyOf(sums.keySet());
  }

  /** The headline, the other quantities, and the examples' own scores. */
  public MetricResult result() {
    if (examples.isEmpty()) {
      throw new MetricInputException(metric.key() + ": there are no examples to score");
    }
    Map<String, Double> values = new LinkedHashMap<>();
    sums.keySet().forEach(name -> values.put(name, mean(name)));
    values.putAll(derived);
    double[] scores = examples.stream().mapToDouble(ExampleScore::score).toArray();
    return new MetricResult(
        metric,
        quantity,
        mean(quantity),
        values,
        examples,
        examples.size(),
        parseFailures,
        new MeanOf(scores));
  }

  /** The headline value of most metrics. */
  public record MeanOf(double[] scores) implements Headline {
    @Override
    public double of(int[] drawn) {
      double sum = 0;
      for (int i : drawn) {
        sum += scores[i];
      }
      return sum / drawn.length;
    }

    @Override
    public boolean isMean() {
      return true;
    }
  }
}
