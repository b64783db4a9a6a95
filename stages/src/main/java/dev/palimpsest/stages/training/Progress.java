package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;
import java.time.Duration;

/** Is told of a run's progress, to show it or to keep account of it. */
public interface Progress {
  /** Shows nothing. */
  Progress NONE =
      new Progress() {
        @Override
        public void start(StageConfig stage, long fromExamples) {}

        @Override
        public void step(StageConfig stage, StepMetrics metrics) {}

        @Override
        public void end() {}
      };

  /** Called when a stage begins to train; {@code fromExamples} are already done. */
  void start(StageConfig stage, long fromExamples);

  /** Called after a step. */
  void step(StageConfig stage, StepMetrics metrics);

  /** Called when the run turns to something, which it does until the next call. */
  default void turnTo(Activity activity) {}

  /** Called with a part of the current step that was spent waiting for other ranks. */
  default void waitedForRanks(Duration time) {}

  /** Called when the stage's training has ended or stopped. */
  void end();

  /**
   * Begins other work of known size, during which nothing else is shown.
   *
   * @param what for people: {@code stage1: scoring heldout}
   * @param unit what is counted: {@code answers}
   * @param total how many there will be
   */
  default Work begin(String what, String unit, long total) {
    return done -> {};
  }

  /** Work that is shown until it is closed. */
  @FunctionalInterface
  interface Work extends AutoCloseable {
    /** Shows how much has been done so far; any thread may call this. */
    void done(long so);

    @Override
    default void close() {}
  }
}
