package dev.palimpsest.stages;

import dev.palimpsest.configs.BenchmarkConfig;
import dev.palimpsest.configs.Fingerprint;
import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.configs.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.mixtures.ExampleSource;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/**
 * What a suite was when a stage was scored on it: its settings and the contents of its sources.
 * Scores made under another are not taken for this one's.
 */
final class SuiteIdentity {
  private SuiteIdentity() {}

  /** SHA-256; the same wherever the run folder lies. */
  static String of(SuiteConfig suite, RunFolder folder) {
    Map<String, String> values = Fingerprint.values(suite, folder.root().toString());
    suite.tasks().forEach((name, task) -> add(values, "tasks." + name, task));
    return Fingerprint.of(values);
  }

  private static void add(Map<String, String> values, String at, SuiteTaskConfig task) {
    task.metrics()
        .forEach(m -> values.put(at + ".metric." + m, Benchmarks.metric(m).id().toString()));
    SourceConfig config = task.source();
    if (config != null) {
      try (ExampleSource source = ExampleSource.open(task.task().pictured())) {
        values.put(at + ".contents", source.fingerprint());
      }
      return;
    }
    BenchmarkConfig benchmark = Benchmarks.find(Objects.requireNonNull(task.benchmark()));
    values.remove(at + ".dataDir");
    values.put(at + ".definition", Fingerprint.of(benchmark));
    benchmark
        .metrics()
        .forEach(m -> values.put(at + ".metric." + m, Benchmarks.metric(m).id().toString()));
    new BenchmarkReader(benchmark, Path.of(Objects.requireNonNull(task.dataDir())))
        .files()
        .forEach(file -> values.put(at + "." + file.getFileName(), ContentHash.of(file)));
  }
}
