package dev.palimpsest.stages.optimizer;

import dev.palimpsest.configs.ScheduleConfig;

/**
 * Learning-rate factor at a position, in examples (big_vision utils.py,
 * create_learning_rate_schedule). With positions counted in steps the same formulas give the
 * reference's numbers.
 */
public final class Schedule {
  private final ScheduleConfig config;
  private final long total;

  /**
   * Creates a curve.
   *
   * @param config its kind and lengths
   * @param totalExamples where it ends
   */
  public Schedule(ScheduleConfig config, long totalExamples) {
    this.config = config;
    this.total = totalExamples;
  }

  /**
   * The factor for an update.
   *
   * @param examples examples seen before the update; with a warm-up the first update's factor is 0
   */
  public double factor(long examples) {
    double factor = config.decay(examples, progress(examples));
    if (config.warmupExamples() > 0) {
      factor *= Math.min(1.0, (double) examples / config.warmupExamples());
    }
    if (config.cooldownExamples() > 0) {
      factor *= Math.min(1.0, (double) Math.max(0, total - examples) / config.cooldownExamples());
    }
    return factor;
  }

  private double progress(long examples) {
    double p =
        (double) (examples - config.warmupExamples())
            / Math.max(1, total - config.warmupExamples());
    return Math.max(0, Math.min(1, p));
  }
}
