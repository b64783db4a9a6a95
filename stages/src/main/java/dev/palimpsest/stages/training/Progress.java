package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.preparation.LongWork;
import java.time.Duration;

/** Receives a run's progress, to show or to record it. */
public interface Progress extends LongWork {
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
}
