package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * A few of a task's rows, drawn without replacement, for few-shot transfers (the paper, section
 * 6.3). Fewer rows with the same seed are among those of more.
 *
 * @param rows how many; all if the source has no more
 * @param seed of the draw
 */
public record FewConfig(long rows, @Default("0") long seed) {
  /** The most rows that are drawn: their positions are kept in memory. */
  private static final long MOST_ROWS = 1 << 20;

  /** Checks the range. */
  public FewConfig {
    new Check().range("rows", rows, 1, MOST_ROWS, "rows").done();
  }
}
