package dev.palimpsest.stages;

import dev.palimpsest.configs.Fingerprint;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.mixtures.ExampleSource;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a suite was when a stage was scored on it: its settings and the contents of its sources.
 * Scores made under another are not taken for this one's.
 */
final class SuiteIdentity {
  private SuiteIdentity() {}

  /** SHA-256; the same wherever the run folder lies. */
  static String of(SuiteConfig suite, RunFolder folder) {
    Map<String, String> values = new LinkedHashMap<>(Fingerprint.values(suite));
    values.replaceAll((path, value) -> value.replace(folder.root().toString(), "${run}"));
    suite
        .tasks()
        .forEach(
            (name, task) -> {
              try (ExampleSource source = ExampleSource.open(task.source())) {
                values.put("tasks." + name + ".contents", source.fingerprint());
              }
            });
    return Fingerprint.of(values);
  }
}
