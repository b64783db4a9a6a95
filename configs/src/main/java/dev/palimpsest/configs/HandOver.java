package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Default;
import java.util.Set;

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
 * @param reset parts of the model that are not taken over but initialised anew, as if they had
 *     never been trained (the paper, section 5.4); a connector's last layer starts at zero
 */
public record HandOver(
    @Default("keep") OptimizerState optimizer,
    @Default("continue") Position schedule,
    @Default("fresh") DataPosition data,
    @Default("resample") PositionEmbedding positionEmbedding,
    @Default("[]") Set<Part> reset) {
  /** Keeps an unmodifiable copy. */
  public HandOver {
    reset = Set.copyOf(reset);
  }

  /** A part of the model. */
  public enum Part {
    /** The image tower. */
    VISION,
    /** The connector between the image tower and the decoder. */
    CONNECTOR,
    /** The decoder with its embedding. */
    LANGUAGE
  }

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
