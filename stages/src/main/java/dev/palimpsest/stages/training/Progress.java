package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;

/** Shows a run's progress: a progress bar on a terminal, plain lines elsewhere. */
public interface Progress {
  /** Called when a stage begins to train; {@code fromExamples} are already done. */
  void start(StageConfig stage, long fromExamples);

  /** Called after a step. */
  void step(StageConfig stage, StepMetrics metrics);

  /** Called when the stage's training has ended or stopped. */
  void end();
}
