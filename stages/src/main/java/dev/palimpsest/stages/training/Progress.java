package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;

/** Where a run shows how far it is: a moving line on a terminal, plain lines elsewhere. */
public interface Progress {
  /** A stage begins to train; {@code fromExamples} are done already. */
  void start(StageConfig stage, long fromExamples);

  /** A step is done. */
  void step(StageConfig stage, StepMetrics metrics);

  /** The stage's training ended or stopped. */
  void end();
}
