package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import org.jspecify.annotations.Nullable;

/**
 * A condition on a stage's scores after training. If it is not met, the run stops and no later
 * stage begins.
 *
 * @param suite the name of one of the stage's suites
 * @param task the name of a task in that suite
 * @param metric one of the task's metrics, as {@code name} or {@code name:variant}, or {@code
 *     exact_match}, {@code token_accuracy} or {@code loss}; absent: the task's first metric, or
 *     exact match if it has none
 * @param above the score must be greater than this
 * @param below the score must be less than this
 * @param noWorseThanParent whether the score must not be lower than the parent stage's by more than
 *     the 95 % confidence interval of their difference
 */
public record GateConfig(
    String suite,
    String task,
    @Nullable String metric,
    @Nullable Double above,
    @Nullable Double below,
    @Default("false") boolean noWorseThanParent) {
  /** Checks that there is a condition. */
  public GateConfig {
    Check check = new Check();
    if (above != null) {
      check.range("above", above, -1e9, 1e9);
    }
    if (below != null) {
      check.range("below", below, -1e9, 1e9);
    }
    if (above != null && below != null) {
      check.that(
          above < below, "below", "must be more than 'above', %s, or no score passes", above);
    }
    check
        .that(
            above != null || below != null || noWorseThanParent,
            "above",
            "must be there, or 'below', or 'noWorseThanParent: true'")
        .done();
  }
}
