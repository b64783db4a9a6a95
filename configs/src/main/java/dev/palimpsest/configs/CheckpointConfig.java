package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * When training checkpoints are saved within a stage, and which are kept. The checkpoint at the
 * stage's end is always kept.
 *
 * @param everyExamples examples between two checkpoints; 0 to save at the stage's end only
 * @param keepLast how many of these checkpoints are kept while the stage trains
 * @param keepEveryExamples examples between two checkpoints that are kept permanently; a multiple
 *     of {@code everyExamples}; 0 for none
 */
public record CheckpointConfig(
    @Default("0") long everyExamples,
    @Default("2") int keepLast,
    @Default("0") long keepEveryExamples) {
  /** Checks ranges, and that permanent checkpoints are among those saved. */
  public CheckpointConfig {
    new Check()
        .examples("everyExamples", everyExamples)
        .range("keepLast", keepLast, 1, 1_000_000, "checkpoints")
        .examples("keepEveryExamples", keepEveryExamples)
        .that(
            keepEveryExamples <= 0 || (everyExamples > 0 && keepEveryExamples % everyExamples == 0),
            "keepEveryExamples",
            "must be a multiple of everyExamples %d, got %d",
            everyExamples,
            keepEveryExamples)
        .done();
  }
}
