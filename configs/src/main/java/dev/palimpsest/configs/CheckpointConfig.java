package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.evaluation.ScoreChoice;
import org.jspecify.annotations.Nullable;

/**
 * When training checkpoints are saved within a stage, and which are kept. The checkpoint at the
 * stage's end is always kept.
 *
 * @param everyExamples examples between two checkpoints; 0 for none
 * @param everyMinutes minutes after which a checkpoint is saved at the latest; 0 for no limit;
 *     absent: 30 without {@code everyExamples}, and no limit with it. When a checkpoint is saved
 *     changes no number
 * @param best keeps the checkpoint with the best score as well; it is saved when the stage is
 *     scored
 * @param keepLast how many of these checkpoints are kept while the stage trains
 * @param keepEveryExamples examples between two checkpoints that are kept permanently; a multiple
 *     of {@code everyExamples}; 0 for none
 */
public record CheckpointConfig(
    @Default("0") long everyExamples,
    @Nullable Double everyMinutes,
    @Nullable ScoreChoice best,
    @Default("2") int keepLast,
    @Default("0") long keepEveryExamples) {
  private static final double MINUTES = 30;

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
        .range("everyMinutes", everyMinutes == null ? 0 : everyMinutes, 0, 1e6)
        .done();
  }

  /** Minutes after which a checkpoint is saved at the latest; 0: no limit. */
  public double minutes() {
    return everyMinutes != null ? everyMinutes : everyExamples == 0 ? MINUTES : 0;
  }
}
