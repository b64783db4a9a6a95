package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * A few of a task's rows, drawn without replacement, for few-shot transfers (the paper, section
 * 6.3). A smaller set of rows with the same seed is contained in a larger one.
 *
 * @param rows number of rows; all of them if the source has fewer
 * @param seed random seed of the draw
 */
public record FewConfig(long rows, @Default("0") long seed) {
  /** The most rows that are drawn: their positions are kept in memory. */
  private static final long MOST_ROWS = 1 << 20;

  /** Checks the range. */
  public FewConfig {
    new Check().range("rows", rows, 1, MOST_ROWS, "rows").done();
  }
}
