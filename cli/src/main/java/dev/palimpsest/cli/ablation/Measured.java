package dev.palimpsest.cli.ablation;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.AblationConfig.Scale;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.folder.Scores;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a run was measured at.
 *
 * @param value mean over the tasks
 * @param metric what it is, in words
 * @param tasks the value of each task
 * @param examples the value of each example by its id, by task; empty where the metric has none
 */
record Measured(
    double value,
    String metric,
    Map<String, Double> tasks,
    Map<String, Map<String, Double>> examples) {
  private static final String AT = "after";

  /**
   * Reads the scores of a finished run.
   *
   * @throws UserMistake when they are not there
   */
  static Measured of(Ablation.Trial trial, Scale scale) {
    Path stage = trial.folder().resolve(scale.stage());
    String fingerprint =
        RunFolder.readJson(stage.resolve("stage.json"))
            .map(json -> json.path("fingerprint").asText())
            .orElse("");
    SuiteResult result =
        Optional.ofNullable(
                Scores.found(stage.resolve("scores"), Set.of(fingerprint), AT).get(scale.suite()))
            .orElseThrow(
                () ->
                    new UserMistake(
                        "%s has no score of suite %s at its end; remove the folder and run the same command"
                            .formatted(stage, scale.suite())));
    List<String> names =
        scale.task() == null ? List.copyOf(result.tasks().keySet()) : List.of(scale.task());
    Map<String, Double> tasks = new LinkedHashMap<>();
    Map<String, Map<String, Double>> examples = new LinkedHashMap<>();
    String metric = "";
    for (String name : names) {
      TaskResult task = result.tasks().get(name);
      TaskResult.Measured measured =
          Optional.ofNullable(task)
              .flatMap(found -> found.measured(scale.metric()))
              .orElseThrow(
                  () ->
                      new UserMistake(
                          "task %s of suite %s has no score by %s; name a metric that all tasks have, such as loss"
                              .formatted(name, scale.suite(), scale.metric())));
      tasks.put(name, measured.value());
      metric = metric.isEmpty() || metric.equals(measured.metric()) ? measured.metric() : "mixed";
      Path answers =
          stage.resolve("predictions").resolve(AT + "." + scale.suite()).resolve(name + ".jsonl");
      Map<String, Double> each = examples(answers, measured.metric());
      if (!each.isEmpty()) {
        examples.put(name, each);
      }
    }
    double mean = tasks.values().stream().mapToDouble(Double::doubleValue).average().orElse(0);
    return new Measured(mean, metric, tasks, examples.size() == tasks.size() ? examples : Map.of());
  }

  /** For people. */
  String words() {
    return String.format(Locale.ROOT, "%s %.4f", metric, value);
  }

  /** The same for one task. */
  Measured of(String task) {
    return new Measured(
        tasks.getOrDefault(task, Double.NaN),
        metric,
        Map.of(task, tasks.getOrDefault(task, Double.NaN)),
        examples.containsKey(task)
            ? Map.of(task, examples.getOrDefault(task, Map.of()))
            : Map.of());
  }

  /** Values of single examples, for metrics that are their mean. */
  private static Map<String, Double> examples(Path answers, String metric) {
    Map<String, Double> values = new LinkedHashMap<>();
    try {
      for (String line : RunFolder.lines(answers)) {
        JsonNode answer = Json.PYTHON.readTree(line);
        String id = answer.path("id").asText();
        if (metric.equals("loss") && answer.has("referenceLoss")) {
          values.put(id, answer.path("referenceLoss").asDouble());
        } else if (metric.equals("exact match")) {
          values.put(id, answer.path("correct").asBoolean() ? 1.0 : 0.0);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + answers, e);
    }
    return values;
  }
}
