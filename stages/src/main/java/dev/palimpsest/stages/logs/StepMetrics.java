package dev.palimpsest.stages.logs;

import dev.palimpsest.stages.step.GuardEvent;
import dev.palimpsest.stages.step.TrainStep;
import org.jspecify.annotations.Nullable;

/**
 * A step's metrics as they are logged.
 *
 * @param step 1-based number of the update within the stage
 * @param examples examples seen in the stage after it
 * @param outcome what the step did
 * @param seconds duration of the whole step
 * @param waitShare share of it spent waiting for data
 * @param flops operations of the step's forward and backward passes, without recomputation
 * @param peak what {@code flops} a second are compared with
 * @param memory in use after the step
 * @param skipped number of the stage's bad examples so far that were replaced by others
 * @param disk what the whole process read and wrote in the meantime; absent if none of the state is
 *     on disk
 * @param event what the guard found; null if nothing
 */
public record StepMetrics(
    long step,
    long examples,
    TrainStep.Outcome outcome,
    double seconds,
    double waitShare,
    double flops,
    Peak peak,
    MemoryInUse memory,
    long skipped,
    @Nullable DiskTraffic disk,
    @Nullable GuardEvent event) {
  /** Examples per second. */
  public double rate(int batchSize) {
    return batchSize / seconds;
  }

  /** Image tokens and real text tokens a second. */
  public double tokenRate() {
    return outcome.tokens() / seconds;
  }

  /** Model FLOPs utilization; not a number if the peak is unknown. */
  public double mfu() {
    return peak.flops() == 0 ? Double.NaN : flops / seconds / peak.flops();
  }
}
