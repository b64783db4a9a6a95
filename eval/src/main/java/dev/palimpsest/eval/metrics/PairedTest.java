package dev.palimpsest.eval.metrics;

import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Two models compared on the same examples, or two settings on the same seeds. The interval is of a
 * paired bootstrap: each resample draws examples, or clusters of them, for both models at once. The
 * probability is that of a difference at least as large, in either direction, if the models were
 * alike.
 *
 * @param difference the second model's headline minus the first's
 * @param standardError of the difference: its deviation over the resamples
 * @param interval of the difference, 95 %
 * @param p two-sided; not corrected for the number of comparisons; NaN where it is not defined, as
 *     for a single pair of means
 * @param test which of {@link Kind} gave {@code p}
 * @param higher examples whose score is higher with the second model; 0 if examples have none
 * @param lower examples whose score is lower
 * @param same examples with equal scores
 */
public record PairedTest(
    double difference,
    double standardError,
    Bootstrap.Interval interval,
    double p,
    Kind test,
    int higher,
    int lower,
    int same) {
  private static final int FLIPS = 10_000;

  private static final double CONFIDENCE = 0.95;

  /** Sums of the same scores in another order differ in their last bits. */
  private static final double ROUNDING = 1e-9;

  /** Where the probability is from. */
  public enum Kind {
    /** Independent examples that are right or wrong: McNemar's exact test on those that differ. */
    MCNEMAR("McNemar, exact"),
    /**
     * Means of other scores, or examples in clusters: the models' scores are exchanged at random in
     * each example or cluster, 10,000 times with seed 0.
     */
    PERMUTATION("permutation of pairs"),
    /** Metrics of a whole split: twice the share of resamples on the other side of zero. */
    BOOTSTRAP("paired bootstrap"),
    /**
     * Few pairs, such as the values of a few seeds, or groups that count equally: Student's t,
     * which also gives error and interval.
     */
    STUDENT("paired t");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** For people. */
    public String words() {
      return words;
    }
  }

  /**
   * Compares two results of one metric.
   *
   * @param first the result to compare with
   * @param second of the same examples in the same order
   * @param clusters as in {@link ScoreReport#of}
   * @throws MetricInputException when they are not of the same examples
   */
  public static PairedTest of(
      MetricResult first, MetricResult second, Map<String, String> clusters, Bootstrap bootstrap) {
    if (first.n() != second.n() || !ids(first).equals(ids(second))) {
      throw new MetricInputException(
          "%s: only results of the same examples are comparable".formatted(first.metric()));
    }
    int[][] groups =
        clusters.isEmpty() || first.examples().isEmpty()
            ? Bootstrap.alone(first.n())
            : ScoreReport.groups(first, clusters);
    double[] resamples =
        bootstrap.resamples(
            groups, drawn -> second.headline().of(drawn) - first.headline().of(drawn));
    boolean mean = first.headline().isMean() && second.headline().isMean();
    double[] differences = new double[first.examples().size()];
    int higher = 0;
    int lower = 0;
    for (int i = 0; i < differences.length; i++) {
      differences[i] = second.examples().get(i).score() - first.examples().get(i).score();
      higher += differences[i] > 0 ? 1 : 0;
      lower += differences[i] < 0 ? 1 : 0;
    }
    Kind kind =
        !mean
            ? Kind.BOOTSTRAP
            : groups.length == first.n()
                    && Arrays.stream(differences).allMatch(d -> d == 0 || Math.abs(d) == 1)
                ? Kind.MCNEMAR
                : Kind.PERMUTATION;
    double p =
        switch (kind) {
          case MCNEMAR -> mcNemar(higher, lower);
          case PERMUTATION -> permutation(differences, groups);
          default -> otherSide(resamples);
        };
    return new PairedTest(
        second.value() - first.value(),
        Statistics.standardDeviation(resamples).orElse(Double.NaN),
        bootstrap.interval(resamples),
        p,
        kind,
        higher,
        lower,
        differences.length - higher - lower);
  }

  /**
   * Tests differences of several groups, whose means count equally, such as the tasks of a suite.
   *
   * @param groups the differences of each, at least one
   */
  public static PairedTest student(List<double[]> groups) {
    double mean = 0;
    double variance = 0;
    for (double[] differences : groups) {
      mean += Statistics.mean(differences) / groups.size();
      double error = Statistics.standardError(differences).orElse(Double.NaN) / groups.size();
      variance += error * error;
    }
    double[] all = groups.stream().flatMapToDouble(Arrays::stream).toArray();
    int higher = (int) Arrays.stream(all).filter(d -> d > 0).count();
    int lower = (int) Arrays.stream(all).filter(d -> d < 0).count();
    StudentsT t = new StudentsT(all.length - groups.size());
    double error = Math.sqrt(variance);
    double half = error * t.quantile(CONFIDENCE);
    return new PairedTest(
        mean,
        error,
        new Bootstrap.Interval(mean - half, mean + half),
        t.tails(mean, error),
        Kind.STUDENT,
        higher,
        lower,
        all.length - higher - lower);
  }

  private static List<String> ids(MetricResult result) {
    return result.examples().stream().map(ExampleScore::id).toList();
  }

  /** Of {@code a + b} fair coins, the probability of a split at least as uneven. */
  static double mcNemar(int a, int b) {
    int n = a + b;
    double logChoose = 0; // of n over k
    double tail = 0;
    for (int k = 0; k <= Math.min(a, b); k++) {
      tail += Math.exp(logChoose - n * Math.log(2));
      logChoose += Math.log(n - k) - Math.log(k + 1);
    }
    return Math.min(1, 2 * tail);
  }

  private static double permutation(double[] differences, int[][] groups) {
    double[] sums =
        Arrays.stream(groups)
            .mapToDouble(group -> Arrays.stream(group).mapToDouble(i -> differences[i]).sum())
            .filter(sum -> sum != 0)
            .toArray();
    double seen = Math.abs(Arrays.stream(sums).sum()) - ROUNDING;
    SplittableRandom random = new SplittableRandom(0);
    int asLarge = 0;
    for (int i = 0; i < FLIPS; i++) {
      double sum = 0;
      long bits = 0;
      for (int j = 0; j < sums.length; j++) {
        bits = j % Long.SIZE == 0 ? random.nextLong() : bits >>> 1;
        sum += (bits & 1) == 0 ? sums[j] : -sums[j];
      }
      asLarge += Math.abs(sum) >= seen ? 1 : 0;
    }
    return (1.0 + asLarge) / (1 + FLIPS); // what was seen is one of the possible outcomes
  }

  private static double otherSide(double[] resamples) {
    double below = 1.0 + Arrays.stream(resamples).filter(value -> value <= 0).count();
    double above = 1.0 + Arrays.stream(resamples).filter(value -> value >= 0).count();
    return Math.min(1, 2 * Math.min(below, above) / (1 + resamples.length));
  }

  /**
   * Which of several probabilities are below a level if their number is taken into account (Holm's
   * step-down method, valid whatever depends on what).
   */
  public static boolean[] holm(double[] probabilities, double level) {
    Integer[] order = new Integer[probabilities.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(probabilities[a], probabilities[b]));
    boolean[] below = new boolean[probabilities.length];
    for (int i = 0; i < order.length; i++) {
      if (probabilities[order[i]] > level / (order.length - i)) {
        break;
      }
      below[order[i]] = true;
    }
    return below;
  }
}
