package dev.palimpsest.cli.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.eval.Judged;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.TaskResult.Measured;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Scores as {@code model-index}, the block of a model card from which the Hub makes its table of
 * evaluation results, and answers as a Parquet file, which its viewer shows.
 */
public final class HubFiles {
  private HubFiles() {}

  /**
   * Writes both into a folder.
   *
   * @param model its name in the table
   * @param judged by task
   */
  public static void write(Path folder, String model, Map<String, Judged> judged) {
    RunFolder.writeText(folder.resolve("model-index.yaml"), modelIndex(model, judged));
    AnswerTable.write(folder.resolve("answers.parquet"), judged);
  }

  /**
   * The Hub's specification in YAML: a list of results, each with a task, a dataset and its
   * metrics. What is in braces is JSON, which YAML contains.
   */
  static String modelIndex(String model, Map<String, Judged> judged) {
    StringBuilder yaml =
        new StringBuilder("model-index:\n- name: %s\n  results:\n".formatted(json(model)));
    judged.forEach(
        (name, one) -> {
          List<Map<String, Object>> metrics = metrics(one);
          if (!metrics.isEmpty()) {
            yaml.append("  - task: {\"type\": \"image-text-to-text\"}\n")
                .append("    dataset: %s\n    metrics:\n".formatted(json(dataset(name, one))));
            metrics.forEach(metric -> yaml.append("    - %s\n".formatted(json(metric))));
          }
        });
    return yaml.toString();
  }

  private static String json(Object value) {
    try {
      return Json.STRICT.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Object> dataset(String task, Judged one) {
    Map<String, Object> dataset = new LinkedHashMap<>();
    Optional<BenchmarkConfig> benchmark =
        Optional.ofNullable(one.result().benchmark())
            .filter(Benchmarks.index().benchmarks()::contains)
            .map(Benchmarks::find);
    dataset.put("name", benchmark.map(BenchmarkConfig::title).orElse(task));
    dataset.put("type", benchmark.map(BenchmarkConfig::name).orElse(task));
    benchmark.ifPresent(known -> dataset.put("split", known.split()));
    return dataset;
  }

  private static List<Map<String, Object>> metrics(Judged one) {
    List<Map<String, Object>> metrics = new ArrayList<>();
    for (MetricScore score : one.result().metrics()) {
      if (score.value() != null) {
        metrics.add(metric(score.metric().name(), score.metric().toString(), score.value()));
      }
    }
    List<String> further =
        one.result().metrics().isEmpty()
            ? List.of("exact_match", "perplexity")
            : List.of("perplexity");
    for (String name : further) {
      one.result()
          .measured(name)
          .map(Measured::value)
          .ifPresent(value -> metrics.add(metric(name, name, value)));
    }
    return metrics;
  }

  private static Map<String, Object> metric(String type, String name, double value) {
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("type", type);
    metric.put("name", name);
    metric.put("value", value);
    return metric;
  }
}
