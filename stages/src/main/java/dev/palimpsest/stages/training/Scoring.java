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
}
