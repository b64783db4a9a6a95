package dev.palimpsest.configs;

import org.jspecify.annotations.Nullable;

/**
 * A condition on a stage's scores after training. Where it does not hold, the run stops: no later
 * stage begins.
 *
 * @param suite one of the stage's suites
 * @param task a task of it
 * @param metric {@code name} or {@code name:variant} of the task's metrics, {@code exact_match} or
 *     {@code token_accuracy}; absent: the task's first metric, exact match where it has none
 * @param above the score must be above this
 * @param below the score must be below this
 * @param noWorseThanParent the score must not fall behind the parent stage's by more than the 95 %
 *     interval of their difference
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
