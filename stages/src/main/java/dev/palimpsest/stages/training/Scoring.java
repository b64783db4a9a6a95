package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.stages.state.TrainState;

/** Scores states of a stage while it trains. */
@FunctionalInterface
public interface Scoring {
  /**
   * Scores a state.
   *
   * @param moment {@code before}, {@code at-N} or {@code after}
   * @param manager all arrays made here belong to children of it
   */
  void score(String moment, NDManager manager, TrainState state);

  /** Whether the stage has to end early at a state that has just been scored. */
  default boolean isStuck(TrainState state) {
    return false;
  }

  /** Whether a state has just been scored, and better than all before it. */
  default boolean isBest(TrainState state) {
    return false;
  }
}
