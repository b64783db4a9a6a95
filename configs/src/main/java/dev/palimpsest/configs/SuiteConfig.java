package dev.palimpsest.configs;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** A set of evaluation tasks, each named by its key. */
public record SuiteConfig(Map<String, SuiteTaskConfig> tasks) {
  /** Copies. */
  public SuiteConfig {
    new Check().that(!tasks.isEmpty(), "tasks", "must name at least one task").done();
    tasks = Collections.unmodifiableMap(new java.util.LinkedHashMap<>(tasks));
  }

  /**
   * One evaluation task. Nothing is left to chance: a row is read as its first visit shows it.
   *
   * @param source where the held-out examples are
   * @param type how a row becomes prompt and reference, as in {@link TaskConfig}
   * @param fields where the source calls a field otherwise, as in {@link TaskConfig}
   * @param limit how many of them are scored, from the first; 0 for all
   * @param decode how answers are made
   */
  public record SuiteTaskConfig(
      SourceConfig source,
      @Default("{prefixSuffix: {}}") TaskType type,
      @Default("{}") Map<String, String> fields,
      @Default("0") long limit,
      @Default("{}") DecodeConfig decode) {
    /** Checks ranges and field names. */
    public SuiteTaskConfig {
      Check check = new Check().notNegative("limit", limit);
      TaskConfig.checkFields(check, type, fields);
      check.done();
      fields = Collections.unmodifiableMap(new TreeMap<>(fields));
    }

    /** Rows with {@code prefix} and {@code suffix}. */
    public SuiteTaskConfig(SourceConfig source, long limit, DecodeConfig decode) {
      this(source, new TaskType.PrefixSuffix(), Map.of(), limit, decode);
    }

    /** The same rows as a task to train on. */
    public TaskConfig task() {
      return new TaskConfig(source, type, fields);
    }
  }
}
