package dev.palimpsest.cli.ablation;

import dev.palimpsest.cli.reports.Columns;
import dev.palimpsest.configs.AblationConfig.Expectation;
import dev.palimpsest.configs.AblationConfig.Relation;
import dev.palimpsest.eval.metrics.PairedTest;
import dev.palimpsest.eval.metrics.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An ablation's outcome.
 *
 * @param variants in the file's order, without those that failed
 * @param verdicts one for each expectation whose variants were measured
 * @param failed runs that failed, and why
 */
record AblationTable(
    Ablation ablation, List<Variant> variants, List<Verdict> verdicts, List<String> failed) {
  /** How a difference was tested. */
  enum By {
    /** Paired over examples, whose values are averaged over seeds. */
    EXAMPLES("examples"),
    /** Paired over seeds. */
    SEEDS("seeds"),
    /** One seed and no values of examples. */
    NOTHING("not tested");

    final String words;

    By(String words) {
      this.words = words;
    }
  }

  /** A difference and how it was tested. */
  record Tested(PairedTest paired, By by) {
    /** Below this probability a difference counts as significant. */
    private static final double SIGNIFICANT = 0.05;

    /** Whether there is a difference beyond chance. */
    boolean isSignificant() {
      return paired.p() < SIGNIFICANT;
    }

    /** How many differences there are. */
    int pairs() {
      return paired.higher() + paired.lower() + paired.same();
    }
  }

  /**
   * A variant.
   *
   * @param values by seed, ascending
   * @param mean over seeds
   * @param deviation over seeds; NaN for one
   * @param difference from the first variant; null for itself
   */
  record Variant(
      String name,
      Map<Long, Measured> values,
      double mean,
      double deviation,
      @Nullable Tested difference) {}

  /** What a test says of an expectation. */
  enum Outcome {
    AGREES("agrees"),
    DISAGREES("does not agree"),
    /** A difference was expected, and none is certain. */
    UNDECIDED("undecided");

    final String words;

    Outcome(String words) {
      this.words = words;
    }

    /**
     * Judges.
     *
     * @param gain of the variant; greater than 0 if it is better
     */
    static Outcome of(Relation expected, double gain, boolean significant) {
      if (expected == Relation.NO_BETTER) {
        return gain > 0 && significant ? DISAGREES : AGREES;
      }
      return !significant ? UNDECIDED : gain > 0 ? AGREES : DISAGREES;
    }
  }

  /** Whether an expectation came true. */
  record Verdict(Expectation expected, Tested tested, Outcome outcome) {
    String words() {
      String sure =
          tested.by() == By.NOTHING
              ? "not tested"
              : "%s (p %s over %d %s)"
                  .formatted(
                      tested.isSignificant() ? "significant" : "not significant",
                      (tested.paired().p() < 0.001 ? "" : "= ") + p(tested.paired().p()),
                      tested.pairs(),
                      tested.by().words);
      return "%s %s than %s: %s, difference %s, %s"
          .formatted(
              expected.variant(),
              expected.is() == Relation.BETTER ? "better" : "no better",
              expected.than(),
              outcome.words,
              number(tested.paired().difference(), true),
              sure);
    }
  }

  /**
   * Compares what was measured.
   *
   * @param measured by variant, then by seed
   */
  static AblationTable of(
      Ablation ablation, Map<String, Map<Long, Measured>> measured, List<String> failed) {
    List<Variant> variants = new ArrayList<>();
    String first = ablation.config().variants().keySet().iterator().next();
    for (String name : ablation.config().variants().keySet()) {
      Map<Long, Measured> values = measured.getOrDefault(name, Map.of());
      if (values.isEmpty()) {
        continue;
      }
      double[] all = values.values().stream().mapToDouble(Measured::value).toArray();
      variants.add(
          new Variant(
              name,
              values,
              Statistics.mean(all),
              Statistics.standardDeviation(all).orElse(Double.NaN),
              name.equals(first) || !measured.containsKey(first)
                  ? null
                  : tested(values, Objects.requireNonNull(measured.get(first)))));
    }
    boolean lower = ablation.scale().lowerIsBetter();
    List<Verdict> verdicts = new ArrayList<>();
    for (Expectation expected : ablation.config().expected(ablation.scale())) {
      Map<Long, Measured> one = measured.getOrDefault(expected.variant(), Map.of());
      Map<Long, Measured> other = measured.getOrDefault(expected.than(), Map.of());
      if (one.keySet().stream().noneMatch(other::containsKey)) {
        continue;
      }
      Tested tested = tested(one, other);
      double gain = lower ? -tested.paired().difference() : tested.paired().difference();
      boolean significant = tested.by() != By.NOTHING && tested.isSignificant();
      verdicts.add(new Verdict(expected, tested, Outcome.of(expected.is(), gain, significant)));
    }
    return new AblationTable(ablation, variants, verdicts, failed);
  }

  /** One variant minus another, over the seeds that both have. */
  private static Tested tested(Map<Long, Measured> one, Map<Long, Measured> other) {
    List<Long> seeds = one.keySet().stream().filter(other::containsKey).toList();
    List<Measured> ones = seeds.stream().map(one::get).toList();
    List<Measured> others = seeds.stream().map(other::get).toList();
    double[] bySeed = new double[seeds.size()];
    for (int i = 0; i < bySeed.length; i++) {
      bySeed[i] = ones.get(i).value() - others.get(i).value();
    }
    if (Stream.concat(ones.stream(), others.stream()).noneMatch(m -> m.examples().isEmpty())
        && !seeds.isEmpty()) {
      List<double[]> groups = new ArrayList<>();
      for (String task : ones.get(0).examples().keySet()) {
        groups.add(differences(task, ones, others));
      }
      if (groups.stream().allMatch(group -> group.length > 1)) {
        return new Tested(PairedTest.student(groups), By.EXAMPLES);
      }
    }
    PairedTest difference = PairedTest.student(List.of(bySeed));
    return new Tested(difference, bySeed.length > 1 ? By.SEEDS : By.NOTHING);
  }

  /** Differences of the examples that all runs answered, each a mean over seeds. */
  private static double[] differences(String task, List<Measured> ones, List<Measured> others) {
    TreeSet<String> ids = new TreeSet<>(examples(ones.get(0), task).keySet());
    Stream.concat(ones.stream(), others.stream())
        .forEach(measured -> ids.retainAll(examples(measured, task).keySet()));
    return ids.stream().mapToDouble(id -> mean(ones, task, id) - mean(others, task, id)).toArray();
  }

  /** A variant at one task. */
  record TaskValue(double mean, @Nullable Tested difference) {}

  /** The variants at each task, by task and variant; a single task has no table of its own. */
  Map<String, Map<String, TaskValue>> byTask() {
    Map<String, Map<String, TaskValue>> all = new LinkedHashMap<>();
    for (Variant variant : variants) {
      Set<String> tasks = variant.values().values().iterator().next().tasks().keySet();
      if (tasks.size() < 2) {
        return Map.of();
      }
      for (String task : tasks) {
        Map<Long, Measured> values = at(task, variant);
        double mean =
            values.values().stream().mapToDouble(Measured::value).average().orElse(Double.NaN);
        all.computeIfAbsent(task, name -> new LinkedHashMap<>())
            .put(
                variant.name(),
                new TaskValue(
                    mean,
                    variant.difference() == null
                        ? null
                        : tested(values, at(task, variants.get(0)))));
      }
    }
    return all;
  }

  private static Map<Long, Measured> at(String task, Variant variant) {
    Map<Long, Measured> values = new TreeMap<>();
    variant.values().forEach((seed, measured) -> values.put(seed, measured.of(task)));
    return values;
  }

  private static Map<String, Double> examples(Measured measured, String task) {
    return measured.examples().getOrDefault(task, Map.of());
  }

  private static double mean(List<Measured> runs, String task, String id) {
    return runs.stream()
        .mapToDouble(run -> examples(run, task).getOrDefault(id, Double.NaN))
        .average()
        .orElse(Double.NaN);
  }

  /** What is measured, in words. */
  String metric() {
    if (variants.isEmpty()) {
      return "no run has ended";
    }
    String metric =
        variants.stream()
            .flatMap(variant -> variant.values().values().stream())
            .map(Measured::metric)
            .findFirst()
            .orElse("");
    return "%s of %s%s after %s, %s is better"
        .formatted(
            metric,
            ablation.scale().suite(),
            ablation.scale().task() == null ? "" : "/" + ablation.scale().task(),
            ablation.scale().stage(),
            ablation.scale().lowerIsBetter() ? "lower" : "higher");
  }

  /** A heading and a row for each variant. */
  List<List<String>> rows() {
    Map<String, Map<String, TaskValue>> byTask = byTask();
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of("variant", "seeds", "mean", "deviation", "difference", "±", "p", "over", "tasks"));
    for (Variant variant : variants) {
      Tested tested = variant.difference();
      rows.add(
          List.of(
              variant.name(),
              Integer.toString(variant.values().size()),
              number(variant.mean(), false),
              number(variant.deviation(), false),
              tested == null ? "" : number(tested.paired().difference(), true),
              tested == null ? "" : number(tested.paired().standardError(), false),
              tested == null ? "" : p(tested.paired().p()),
              tested == null ? "" : tested.by().words,
              tested == null || byTask.isEmpty() ? "" : tasks(variant.name(), byTask)));
    }
    return rows;
  }

  /** At how many tasks a variant is significantly better or worse than the first. */
  private String tasks(String variant, Map<String, Map<String, TaskValue>> byTask) {
    int better = 0;
    int worse = 0;
    for (Map<String, TaskValue> values : byTask.values()) {
      Tested tested = Objects.requireNonNull(values.get(variant)).difference();
      if (tested != null && tested.by() != By.NOTHING && tested.isSignificant()) {
        if (tested.paired().difference() < 0 == ablation.scale().lowerIsBetter()) {
          better++;
        } else {
          worse++;
        }
      }
    }
    return "%d better, %d worse of %d".formatted(better, worse, byTask.size());
  }

  /** For a terminal. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(ablation.config().name() + " at " + ablation.scaleName() + " scale: " + metric());
    if (!ablation.choice().sets().isEmpty()) {
      lines.add("with " + String.join(" ", ablation.choice().sets()));
    }
    if (variants.isEmpty()) {
      failed.forEach(failure -> lines.add("failed: " + failure));
      return lines;
    }
    lines.addAll(Columns.aligned("  ", rows()));
    if (!ablation.config().outcome().isEmpty()) {
      lines.add(
          "%s: %s"
              .formatted(
                  ablation.config().source().isEmpty()
                      ? "found before"
                      : ablation.config().source(),
                  ablation.config().outcome()));
    }
    verdicts.forEach(verdict -> lines.add("  " + verdict.words()));
    failed.forEach(failure -> lines.add("failed: " + failure));
    return lines;
  }

  static String number(double value, boolean signed) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, signed ? "%+.4f" : "%.4f", value);
  }

  static String p(double p) {
    return Double.isNaN(p) ? "-" : p < 0.001 ? "< 0.001" : String.format(Locale.ROOT, "%.3f", p);
  }
}
