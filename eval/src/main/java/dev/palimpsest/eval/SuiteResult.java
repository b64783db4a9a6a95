package dev.palimpsest.eval;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The result of a model on a suite.
 *
 * @param tasks results by task name, in the suite's order
 */
public record SuiteResult(Map<String, TaskResult> tasks) {
  /** Keeps unmodifiable copies. */
  public SuiteResult {
    tasks = Collections.unmodifiableMap(new LinkedHashMap<>(tasks));
  }

  /** Mean of the tasks' exact match, each task counting once. */
  public double meanExactMatch() {
    return tasks.values().stream().mapToDouble(t -> t.exactMatch().value()).average().orElseThrow();
  }
}
