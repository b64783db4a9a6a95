package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * What to do about a step whose loss cannot be trusted. The check runs after the gradients are
 * computed and before the update, so that a stopped or skipped step leaves parameters and moments
 * unchanged.
 *
 * <p>A skipped step still consumes its batch: the example count, the data position and the
 * learning-rate schedule advance, while Adam's moments and step count do not.
 *
 * @param nonFinite what to do when the loss or the gradient norm is not finite
 * @param spike what to do when the loss exceeds {@code median + deviations * spread} of the last
 *     {@code window} accepted losses. The spread is 1.4826 times their median absolute deviation
 *     (an estimate of the standard deviation of normal data) and at least 1 % of the median. No
 *     spike is detected until {@code window} losses have been accepted
 * @param window number of recent accepted losses to compare with
 * @param deviations the number of spreads above the median at which a loss counts as a spike
 * @param maxSkips the most steps that a stage may skip; one more stops the run
 * @param capsules the most replay capsules that a stage may write, each as large as a training
 *     checkpoint; later events are recorded without one
 */
public record GuardConfig(
    @Default("stop") NonFinite nonFinite,
    @Default("ignore") Spike spike,
    @Default("64") int window,
    @Default("8") double deviations,
    @Default("16") int maxSkips,
    @Default("3") int capsules) {
  /** Checks the ranges of the window, the deviations and the two limits. */
  public GuardConfig {
    new Check()
        .range("window", window, 3, 4096, "steps")
        .range("deviations", deviations, 0.001, 1e6)
        .range("maxSkips", maxSkips, 0, 1_000_000_000, "steps")
        .range("capsules", capsules, 0, 1_000_000, "capsules")
        .done();
  }

  /** What to do about a loss or gradient norm that is not finite. */
  public enum NonFinite {
    /** End the run before the update. */
    STOP,
    /** Skip the update, record it, and continue with the next batch. */
    SKIP
  }

  /** What to do about a loss that is far above the others. */
  public enum Spike {
    /** Do not look for spikes. */
    IGNORE,
    /** Record the spike and apply the update. */
    NOTE,
    /** Skip the update, record it, and continue with the next batch. */
    SKIP,
    /** End the run before the update. */
    STOP
  }
}
