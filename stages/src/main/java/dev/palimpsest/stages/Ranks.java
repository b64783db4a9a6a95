package dev.palimpsest.stages;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;

/** The ranks of a run as the first one sees them: the others wait until it calls them. */
final class Ranks {
  private final DataParallel parallel;
  private boolean waiting = true;

  Ranks(DataParallel parallel) {
    this.parallel = parallel;
  }

  /**
   * Has the other ranks begin to train a stage as well.
   *
   * @param state from which it continues; they receive it
   */
  DataParallel train(StageConfig stage, TrainState state) {
    parallel.require(stage);
    TrainingOrder.train(stage.name(), state).give(parallel.ranks());
    waiting = false;
    return parallel;
  }

  /**
   * Scores a state together with the other ranks.
   *
   * @param state whose parameters they receive
   * @param scoring what this rank does, with {@link DataParallel#ranks}
   */
  void score(StageConfig stage, String moment, TrainState state, Runnable scoring) {
    TrainingOrder.score(stage.name(), moment).give(parallel.ranks());
    waiting = false;
    parallel.distribute(state.parameters());
    scoring.run();
    waiting = true;
  }

  /** This process and the others. */
  Collectives group() {
    return parallel.ranks();
  }

  /** The stage's training is over, for all of them. */
  void trained() {
    waiting = true;
  }

  /**
   * Tells the other ranks to end, if they are waiting. If they are not, they are in the middle of a
   * stage, where they end in the same way as this one, or cannot go on without it.
   *
   * @return whether they waited
   */
  boolean end(int exitCode) {
    if (waiting) {
      TrainingOrder.end(exitCode).give(parallel.ranks());
    }
    return waiting;
  }
}
