package dev.palimpsest.stages.lineage;

import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.tasks.Task;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Identifies a suite that a stage is scored on: its settings and the contents of its sources.
 * Scores with another identity do not count for this suite.
 */
public final class SuiteIdentity {
  private SuiteIdentity() {}

  /** SHA-256, which does not depend on the location of files. */
  public static String of(SuiteConfig suite) {
    Map<String, String> values = new LinkedHashMap<>();
    suite
        .tasks()
        .forEach(
            (name, task) -> of(task).forEach((key, value) -> values.put(name + "/" + key, value)));
    return Fingerprint.of(values);
  }

  /** What affects a task's score, by name: settings unchanged, files by their contents. */
  private static Map<String, String> of(SuiteTaskConfig task) {
    Map<String, String> values = Fingerprint.values(task);
    values
        .keySet()
        .removeIf(key -> key.matches("(source|type|fields|benchmark|dataDir)([.\\[].*)?"));
    task.metrics().forEach(m -> values.put("metric " + m, Benchmarks.metric(m).id().toString()));
    if (task.source() != null) {
      values.put("contents", Task.fingerprint(task.task()));
      return values;
    }
    BenchmarkConfig benchmark = Benchmarks.find(Objects.requireNonNull(task.benchmark()));
    values.put("definition", Fingerprint.of(benchmark));
    benchmark
        .metrics()
        .forEach(m -> values.put("metric " + m, Benchmarks.metric(m).id().toString()));
    List<Path> files =
        new BenchmarkReader(benchmark, Path.of(Objects.requireNonNull(task.dataDir()))).files();
    for (int i = 0; i < files.size(); i++) {
      values.put("file " + i, ContentHash.of(files.get(i)));
    }
    return values;
  }
}
