package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.eval.Judged;
import dev.palimpsest.eval.Likelihoods;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.Score;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PairedTest;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One or several models on the same tasks: {@code evaluation.json}, from which the page is made.
 *
 * @param models in the order of the command; the first is the one that others are compared with
 * @param tasks in the suite's order
 */
public record Comparison(List<Model> models, List<Task> tasks) {
  /** File name in the evaluation's folder. */
  public static final String FILE = "evaluation.json";

  /** Differences are marked if all of them together are wrong in at most this share of cases. */
  public static final double LEVEL = 0.05;

  private static final int SAMPLES = 8;

  /** Keeps unmodifiable copies. */
  public Comparison {
    models = List.copyOf(models);
    tasks = List.copyOf(tasks);
  }

  /**
   * A model.
   *
   * @param label short and unique
   * @param facts where it is, how it computed, and on what
   */
  public record Model(String label, Map<String, Object> facts) {}

  /**
   * A task.
   *
   * @param examples the number of examples answered
   * @param rows one for each metric
   * @param notes what a reader should know, for each model where they differ
   * @param samples questions with their answers
   * @param maskDecoder weights that turn segmentation tokens into masks; absent if none are needed
   */
  public record Task(
      String name,
      @Nullable String benchmark,
      long examples,
      List<Row> rows,
      List<String> notes,
      List<Sample> samples,
      @Nullable String maskDecoder) {}

  /**
   * A metric's values.
   *
   * @param metric name, variant and version, or {@code loss} and the like
   * @param quantity what the value is
   * @param lowerIsBetter as for a loss
   * @param values in the order of the models
   * @param differences from the first model, of all others in their order
   */
  public record Row(
      String metric,
      String quantity,
      boolean lowerIsBetter,
      List<Value> values,
      List<Difference> differences) {}

  /** A value with its 95 % interval; absent where it is not defined. */
  public record Value(@Nullable Double value, @Nullable Double low, @Nullable Double high) {}

  /**
   * A difference from the first model.
   *
   * @param why it is absent, if so
   * @param significant whether it differs from zero, all differences of the table considered (Holm,
   *     {@value #LEVEL})
   */
  public record Difference(@Nullable PairedTest paired, String why, boolean significant) {}

  /**
   * A question.
   *
   * @param pictures names of its files
   * @param answers in the order of the models
   */
  public record Sample(
      String id,
      String prompt,
      List<String> references,
      List<String> pictures,
      List<String> answers) {}

  /**
   * Compares models.
   *
   * @param judged by task, then by model; every model has all tasks
   * @param maskDecoders by task
   */
  public static Comparison of(
      List<Model> models, Map<String, List<Judged>> judged, Map<String, String> maskDecoders) {
    List<Task> tasks = new ArrayList<>();
    judged.forEach((name, all) -> tasks.add(task(name, all, maskDecoders.get(name))));
    return new Comparison(models, marked(tasks));
  }

  /**
   * Reads what an evaluation has written.
   *
   * @throws UserMistake when it cannot be read
   */
  public static Comparison read(Path file) {
    try {
      return Json.STRICT.readValue(file.toFile(), Comparison.class);
    } catch (IOException e) {
      throw new UserMistake(
          "%s cannot be read: %s"
              .formatted(file, String.valueOf(e.getMessage()).split("\n", 2)[0]));
    }
  }

  private static Task task(String name, List<Judged> all, @Nullable String maskDecoder) {
    TaskResult first = all.get(0).result();
    List<Row> rows = new ArrayList<>();
    for (MetricScore score : first.metrics()) {
      rows.add(metric(score, all));
    }
    if (first.benchmark() == null && rows.isEmpty()) {
      rows.add(exactMatch(all));
    }
    row("token accuracy", false, all, TaskResult::tokenAccuracy, List.of(), rows);
    row("loss", true, all, TaskResult::loss, likelihoods(all, Likelihoods::loss), rows);
    row(
        "perplexity",
        true,
        all,
        TaskResult::perplexity,
        likelihoods(all, Likelihoods::perplexity),
        rows);
    Set<String> notes = new LinkedHashSet<>();
    all.forEach(one -> notes.addAll(one.result().notes()));
    return new Task(
        name,
        first.benchmark(),
        first.examples(),
        rows,
        List.copyOf(notes),
        samples(all),
        maskDecoder);
  }

  private static Row metric(MetricScore score, List<Judged> all) {
    List<Value> values = new ArrayList<>();
    for (Judged one : all) {
      values.add(
          one.result()
              .score(score.metric().key())
              .map(found -> new Value(found.value(), found.low(), found.high()))
              .orElse(new Value(null, null, null)));
    }
    return new Row(
        score.metric().toString(),
        score.quantity(),
        false,
        values,
        differences(score.metric().key(), all));
  }

  private static Row exactMatch(List<Judged> all) {
    return new Row(
        "exact match",
        "accuracy",
        false,
        all.stream().map(one -> value(one.result().exactMatch(), true)).toList(),
        differences("exact_match:characters", all));
  }

  private static void row(
      String name,
      boolean lowerIsBetter,
      List<Judged> all,
      Function<TaskResult, @Nullable Score> of,
      List<Difference> differences,
      List<Row> rows) {
    List<@Nullable Score> scores = new ArrayList<>();
    all.forEach(one -> scores.add(of.apply(one.result())));
    if (scores.stream().anyMatch(score -> score != null && score.n() > 0)) {
      rows.add(
          new Row(
              name,
              name,
              lowerIsBetter,
              scores.stream().map(score -> value(score, !lowerIsBetter)).toList(),
              differences));
    }
  }

  private static Value value(@Nullable Score score, boolean isShare) {
    if (score == null || score.n() == 0) {
      return new Value(null, null, null);
    }
    double half = 1.96 * score.standardError();
    double most = isShare ? 1 : Double.POSITIVE_INFINITY;
    return new Value(
        score.value(), Math.max(0, score.value() - half), Math.min(most, score.value() + half));
  }

  private static List<Difference> differences(String metric, List<Judged> all) {
    List<Difference> differences = new ArrayList<>();
    for (Judged other : all.subList(1, all.size())) {
      differences.add(difference(one -> verdict(metric, one), all.get(0), other));
    }
    return differences;
  }

  /** Losses of other numbers of tokens are of other things. */
  private static List<Difference> likelihoods(
      List<Judged> all, Function<Likelihoods, Optional<MetricResult>> of) {
    Judged first = all.get(0);
    List<Difference> differences = new ArrayList<>();
    for (Judged other : all.subList(1, all.size())) {
      differences.add(
          first.likelihoods().tokens().equals(other.likelihoods().tokens())
              ? difference(one -> of.apply(one.likelihoods()).orElse(null), first, other)
              : new Difference(
                  null, "not comparable, the references have other numbers of tokens", false));
    }
    return differences;
  }

  private static Difference difference(
      Function<Judged, @Nullable MetricResult> verdict, Judged first, Judged other) {
    List<String> protocols = other.result().differencesFrom(first.result());
    if (!protocols.isEmpty()) {
      return new Difference(
          null, "not comparable, the protocols differ: " + String.join("; ", protocols), false);
    }
    MetricResult before = verdict.apply(first);
    MetricResult after = verdict.apply(other);
    return before == null || after == null
        ? new Difference(null, "not scored", false)
        : new Difference(other.against(before, after), "", false);
  }

  private static @Nullable MetricResult verdict(String metric, Judged of) {
    return of.verdicts().stream()
        .filter(verdict -> verdict.metric().key().equals(metric))
        .findFirst()
        .orElse(null);
  }

  /** With the significant differences marked. */
  private static List<Task> marked(List<Task> tasks) {
    double[] p =
        tasks.stream()
            .flatMap(task -> task.rows().stream())
            .flatMap(row -> row.differences().stream())
            .filter(difference -> difference.paired() != null)
            .mapToDouble(difference -> Objects.requireNonNull(difference.paired()).p())
            .toArray();
    boolean[] significant = PairedTest.holm(p, LEVEL);
    int[] at = {0};
    return tasks.stream()
        .map(
            task ->
                new Task(
                    task.name(),
                    task.benchmark(),
                    task.examples(),
                    task.rows().stream().map(row -> marked(row, significant, at)).toList(),
                    task.notes(),
                    task.samples(),
                    task.maskDecoder()))
        .toList();
  }

  private static Row marked(Row row, boolean[] significant, int[] at) {
    return new Row(
        row.metric(),
        row.quantity(),
        row.lowerIsBetter(),
        row.values(),
        row.differences().stream()
            .map(
                difference ->
                    difference.paired() == null
                        ? difference
                        : new Difference(
                            difference.paired(), difference.why(), significant[at[0]++]))
            .toList());
  }

  // ---- Samples

  /**
   * Questions that the models answer differently come first, and other pictures before the same.
   */
  private static List<Sample> samples(List<Judged> all) {
    List<Example> examples = all.get(0).examples();
    List<Map<String, String>> answers = new ArrayList<>();
    for (Judged one : all) {
      Map<String, String> byId = new LinkedHashMap<>();
      for (int i = 0; i < one.examples().size(); i++) {
        byId.put(one.examples().get(i).id(), one.answers().get(i));
      }
      answers.add(byId);
    }
    Set<Integer> chosen = new LinkedHashSet<>();
    Set<List<String>> seen = new HashSet<>();
    for (boolean different : new boolean[] {true, false}) {
      IntStream.range(0, examples.size())
          .filter(
              i ->
                  !different
                      || answers.stream().map(a -> a.get(examples.get(i).id())).distinct().count()
                          > 1)
          .filter(i -> chosen.size() < SAMPLES && seen.add(pictures(examples.get(i))))
          .forEach(chosen::add);
    }
    IntStream.range(0, examples.size()).filter(i -> chosen.size() < SAMPLES).forEach(chosen::add);
    return chosen.stream()
        .map(examples::get)
        .map(
            example ->
                new Sample(
                    example.id(),
                    example.prefix(),
                    example.references(),
                    pictures(example),
                    answers.stream().map(a -> a.getOrDefault(example.id(), "")).toList()))
        .toList();
  }

  private static List<String> pictures(Example example) {
    return example.images().stream().map(ImageReference::name).toList();
  }
}
