package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Default;

/**
 * What a stage takes over from its parent, besides the parameters. It applies only when the stage
 * starts from another stage or from a training checkpoint.
 *
 * @param optimizer what happens to Adam's moments and step count
 * @param schedule whether the learning-rate schedule continues after the examples already seen or
 *     restarts
 * @param data whether the parent's data order continues at its position, or this stage's own order
 *     starts at 0
 * @param positionEmbedding what happens to the position embedding when the resolution changes
 */
public record HandOver(
    @Default("keep") OptimizerState optimizer,
    @Default("continue") Position schedule,
    @Default("fresh") DataPosition data,
    @Default("resample") PositionEmbedding positionEmbedding) {
  /** Adam's moments at hand-over. */
  public enum OptimizerState {
    /** Kept; the moments of the position embedding are resampled together with it. */
    KEEP,
    /** Reset to zero. */
    RESET
  }

  /** Schedule position at hand-over. */
  public enum Position {
    /** One schedule spans both stages. */
    CONTINUE,
    /** The schedule restarts at 0. */
    RESTART
  }

  /** Data position at hand-over. */
  public enum DataPosition {
    /** The parent's order continues at the parent's position. */
    CONTINUE,
    /** The stage's own order starts at 0. */
    FRESH
  }

  /** Position embedding at hand-over. */
  public enum PositionEmbedding {
    /** Resampled to the new grid with aligned corners. */
    RESAMPLE,
    /** Kept as it is; the resolution must not change. */
    KEEP
  }
}
