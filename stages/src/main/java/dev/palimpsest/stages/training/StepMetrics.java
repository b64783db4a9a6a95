package dev.palimpsest.stages.training;

import org.jspecify.annotations.Nullable;

/**
 * One step as it is logged.
 *
 * @param step 1-based number of the update within the stage
 * @param examples examples seen in the stage after it
 * @param outcome what the step did
 * @param seconds the whole step
 * @param waitShare share of it spent waiting for data
 * @param skipped bad examples of the stage so far that others took the place of
 * @param disk what the whole process moved meanwhile; absent where nothing of the state is on disk
 * @param event what the guard found; null for nothing
 */
public record StepMetrics(
    long step,
    long examples,
    TrainStep.Outcome outcome,
    double seconds,
    double waitShare,
    long skipped,
    @Nullable DiskTraffic disk,
    @Nullable GuardEvent event) {
  /** Examples a second. */
  public double rate(int batchSize) {
    return batchSize / seconds;
  }
}
