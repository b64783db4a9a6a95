package dev.palimpsest.configs;

import java.util.Map;

/** A set of evaluation tasks, each named by its key. */
public record SuiteConfig(Map<String, SuiteTaskConfig> tasks) {
  /** Copies. */
  public SuiteConfig {
    new Check().that(!tasks.isEmpty(), "tasks", "must name at least one task").done();
    tasks = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(tasks));
  }

  /**
   * One evaluation task: prompts are the examples' prefixes, references their suffixes.
   *
   * @param source where the held-out examples are
   * @param limit how many of them are scored, from the first; 0 for all
   * @param decode how answers are made
   */
  public record SuiteTaskConfig(
      SourceConfig source, @Default("0") long limit, @Default("{}") DecodeConfig decode) {
    /** Checks ranges. */
    public SuiteTaskConfig {
      new Check().notNegative("limit", limit).done();
    }
  }
}
