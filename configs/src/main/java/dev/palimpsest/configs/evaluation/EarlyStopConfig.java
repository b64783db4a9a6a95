package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import org.jspecify.annotations.Nullable;

/**
 * Ends a stage early when a score no longer improves. It is judged at the evaluations that {@code
 * evaluate.everyExamples} asks for.
 *
 * @param suite the name of one of the stage's suites
 * @param task the name of a task in that suite
 * @param metric as in a gate, or {@code loss}, of which less is better; absent: the task's first
 *     metric, or exact match if it has none
 * @param patience evaluations in a row without an improvement after which the stage ends
 * @param minimumGain a smaller gain does not count as an improvement
 */
public record EarlyStopConfig(
    String suite,
    String task,
    @Nullable String metric,
    @Default("3") int patience,
    @Default("0") double minimumGain) {
  /** Checks ranges. */
  public EarlyStopConfig {
    new Check()
        .range("patience", patience, 1, 1_000_000, "evaluations")
        .range("minimumGain", minimumGain, 0, 1e9)
        .done();
  }

  /** The score that decides. */
  public ScoreChoice score() {
    return new ScoreChoice(suite, task, metric);
  }
}
