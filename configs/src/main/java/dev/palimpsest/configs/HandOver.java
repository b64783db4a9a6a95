package dev.palimpsest.configs;

/**
 * What a stage takes over from the one before it. Read only when the stage starts from a stage or a
 * training checkpoint.
 *
 * @param optimizer Adam's moments and count
 * @param schedule whether the learning-rate curve goes on at the examples already seen, or starts
 *     again
 * @param data whether the mixture goes on at its position, or starts at 0 under this stage's own
 *     order
 * @param positionEmbedding what happens when the resolution changes
 */
public record HandOver(
    @Default("keep") OptimizerState optimizer,
    @Default("continue") Position schedule,
    @Default("fresh") DataPosition data,
    @Default("resample") PositionEmbedding positionEmbedding) {
  /** Adam's moments at hand-over. */
  public enum OptimizerState {
    /** Taken over; moments of the position embedding are resampled with it. */
    KEEP,
    /** Zero, count 0. */
    RESET
  }

  /** Schedule position at hand-over. */
  public enum Position {
    /** One curve over both stages. */
    CONTINUE,
    /** From 0. */
    RESTART
  }

  /** Data position at hand-over. */
  public enum DataPosition {
    /** The parent's order goes on where it stood. */
    CONTINUE,
    /** The stage's own order, from 0. */
    FRESH
  }

  /** Position embedding at hand-over. */
  public enum PositionEmbedding {
    /** Resampled to the new grid, corners aligned. */
    RESAMPLE,
    /** Taken as it is; the resolution must not change. */
    KEEP
  }
}
