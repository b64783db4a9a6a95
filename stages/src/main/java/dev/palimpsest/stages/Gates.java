package dev.palimpsest.stages;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.evaluation.GateConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.TaskResult.Measured;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Judges a stage's gates by its scores after training, and records the verdicts. */
public final class Gates {
  /** 95 % of a normal distribution are within this many standard deviations. */
  private static final double DEVIATIONS = 1.96;

  private Gates() {}

  /**
   * Gates on a metric that their task is not scored with, which are reported before the stage is
   * trained.
   */
  static List<Problem> problems(PipelineConfig recipe) {
    List<Problem> problems = new ArrayList<>();
    for (int s = 0; s < recipe.stages().size(); s++) {
      List<GateConfig> gates = recipe.stages().get(s).evaluate().gates();
      for (int g = 0; g < gates.size(); g++) {
        GateConfig gate = gates.get(g);
        SuiteTaskConfig task =
            Objects.requireNonNull(recipe.suites().get(gate.suite()), gate.suite())
                .tasks()
                .get(gate.task());
        List<String> known = metrics(Objects.requireNonNull(task, gate.task()));
        if (gate.metric() != null && !known.isEmpty() && !known.contains(gate.metric())) {
          problems.add(
              new Problem(
                  "stages[%d].evaluate.gates[%d].metric".formatted(s, g),
                  "%s %s has no score '%s'; it has %s"
                      .formatted(
                          gate.suite(), gate.task(), gate.metric(), String.join(", ", known))));
        }
      }
    }
    return problems;
  }

  /**
   * The names of a task's scores for gates; empty if the task has another mistake that is reported
   * elsewhere.
   */
  private static List<String> metrics(SuiteTaskConfig task) {
    List<String> names = new ArrayList<>();
    String benchmark = task.benchmark();
    try {
      List<String> own = task.metrics();
      List<String> scored =
          own.isEmpty() && benchmark != null ? Benchmarks.find(benchmark).metrics() : own;
      for (String metric : scored) {
        MetricId id = Benchmarks.metric(metric).id();
        names.addAll(List.of(id.key(), id.name()));
      }
    } catch (MetricInputException | InvalidConfigException e) {
      return List.of();
    }
    names.add("exact_match");
    if (benchmark == null) {
      names.add("token_accuracy");
      names.add("loss");
      names.add("perplexity");
    }
    return names.stream().distinct().toList();
  }

  static List<GateVerdict> judge(
      StageConfig stage, StageResult result, Map<String, StageResult> finished) {
    Optional<StageResult> parent =
        stage
            .init()
            .match(
                p -> Optional.empty(),
                s -> Optional.ofNullable(finished.get(s.stage())),
                c -> Optional.empty());
    List<GateVerdict> verdicts = new ArrayList<>();
    for (GateConfig gate : stage.evaluate().gates()) {
      verdicts.add(judge(gate, task(result, gate), parent.flatMap(p -> task(p, gate))));
    }
    return verdicts;
  }

  private static Optional<TaskResult> task(StageResult result, GateConfig gate) {
    return Optional.ofNullable(result.scores().getOrDefault("after", Map.of()).get(gate.suite()))
        .map(SuiteResult::tasks)
        .map(tasks -> tasks.get(gate.task()));
  }

  private static GateVerdict judge(
      GateConfig gate, Optional<TaskResult> own, Optional<TaskResult> parent) {
    String what = gate.suite() + " " + gate.task();
    Optional<Measured> score = own.flatMap(result -> result.measured(gate.metric()));
    if (own.isEmpty() || score.isEmpty()) {
      return new GateVerdict(
          false, "gate on %s cannot be judged: there is no such score".formatted(what));
    }
    double value = score.get().value();
    boolean holds = true;
    List<String> conditions = new ArrayList<>();
    if (gate.above() != null) {
      holds &= value > gate.above();
      conditions.add("above " + gate.above());
    }
    if (gate.below() != null) {
      holds &= value < gate.below();
      conditions.add("below " + gate.below());
    }
    if (gate.noWorseThanParent()) {
      Optional<Measured> before = parent.flatMap(result -> result.measured(gate.metric()));
      if (parent.isEmpty() || before.isEmpty()) {
        return new GateVerdict(
            false, "gate on %s cannot be judged: the parent has no such score".formatted(what));
      }
      List<String> differences = own.get().differencesFrom(parent.get());
      if (!differences.isEmpty()) {
        return new GateVerdict(
            false,
            "gate on %s cannot be judged: the parent was scored under another protocol (%s)"
                .formatted(what, String.join("; ", differences)));
      }
      double interval = DEVIATIONS * Math.hypot(score.get().error(), before.get().error());
      holds &= value >= before.get().value() - interval;
      conditions.add(
          "no more than %s below the parent's %s"
              .formatted(number(interval), number(before.get().value())));
    }
    return new GateVerdict(
        holds,
        "gate on %s %s: %s must be %s, got %s"
            .formatted(
                what,
                holds ? "holds" : "is closed",
                score.get().metric(),
                String.join(" and ", conditions),
                number(value)));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  /** Puts verdicts into the stage's record. */
  static void record(RunFolder folder, String stage, List<GateVerdict> verdicts) {
    Path file = folder.finished(stage);
    JsonNode gates = Json.STRICT.valueToTree(verdicts);
    Optional<JsonNode> record = RunFolder.readJson(file);
    if (record.isPresent()
        && record.get() instanceof ObjectNode json
        && !json.path("gates").equals(gates)
        && (json.has("gates") || !verdicts.isEmpty())) {
      json.set("gates", gates);
      RunFolder.writeJson(file, json);
    }
  }

  /** The verdicts in a stage's record. */
  public static List<GateVerdict> read(RunFolder folder, String stage) {
    List<GateVerdict> verdicts = new ArrayList<>();
    RunFolder.readJson(folder.finished(stage))
        .ifPresent(
            json ->
                json.path("gates")
                    .forEach(
                        gate ->
                            verdicts.add(
                                new GateVerdict(
                                    gate.path("holds").asBoolean(),
                                    gate.path("reason").asText()))));
    return verdicts;
  }
}
