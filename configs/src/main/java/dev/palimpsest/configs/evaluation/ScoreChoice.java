package dev.palimpsest.configs.evaluation;

import org.jspecify.annotations.Nullable;

/**
 * One of the scores of a stage.
 *
 * @param suite the name of one of the stage's suites
 * @param task the name of a task in that suite
 * @param metric as in a gate, or {@code loss} or {@code perplexity}, of which less is better;
 *     absent: the task's first metric, or exact match if it has none
 */
public record ScoreChoice(String suite, String task, @Nullable String metric) {
  /** Whether a lower score is better. */
  public boolean isLowerBetter() {
    return "loss".equals(metric) || "perplexity".equals(metric);
  }

  /** In words. */
  public String words() {
    return suite + " " + task + (metric == null ? "" : " " + metric);
  }
}
