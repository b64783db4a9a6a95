package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;

/**
 * The range in which the training loss is expected somewhere in a stage. A run compares the mean of
 * its last 20 steps with it, and warns if it is outside.
 *
 * @param examples examples of the stage after which it is compared
 * @param from lowest expected loss
 * @param to highest expected loss
 */
public record ExpectedLoss(long examples, double from, double to) {
  /** Checks ranges. */
  public ExpectedLoss {
    new Check()
        .range("examples", examples, 1, Check.MOST_EXAMPLES, "examples")
        .range("from", from, 0, 1e6)
        .range("to", to, 0, 1e6)
        .that(from <= to, "to", "must be 'from', %s, or more, got %s", from, to)
        .done();
  }
}
