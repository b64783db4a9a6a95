package dev.palimpsest.eval;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a model does on a suite.
 *
 * @param tasks results by task name, in the suite's order
 */
public record SuiteResult(Map<String, TaskResult> tasks) {
  /** Copies. */
  public SuiteResult {
    tasks = Collections.unmodifiableMap(new LinkedHashMap<>(tasks));
  }

  /** Mean of the tasks' exact match, each task counting once. */
  public double meanExactMatch() {
    return tasks.values().stream().mapToDouble(t -> t.exactMatch().value()).average().orElseThrow();
  }
}
