package dev.palimpsest.configs;

/**
 * What becomes of a step whose loss cannot be trusted. Judged after the gradients and before the
 * update, so that a stopped or skipped step leaves parameters and moments as they were.
 *
 * <p>A skipped step uses its batch up: examples, data position and learning-rate curve go on,
 * Adam's moments and count do not.
 *
 * @param nonFinite the loss or the gradient norm is not a number
 * @param spike the loss is above {@code median + deviations * spread} of the last {@code window}
 *     losses that were let through, where the spread is 1.4826 times their median absolute
 *     deviation (the standard deviation, were they normal), and at least 1 % of the median. Nothing
 *     is a spike before {@code window} losses are known
 * @param window steps
 * @param deviations how many spreads are too many
 * @param maxSkips steps that a stage may skip; the next one stops it
 * @param capsules replay capsules that a stage may leave, each as large as a training checkpoint;
 *     later events are noted only
 */
public record GuardConfig(
    @Default("stop") NonFinite nonFinite,
    @Default("ignore") Spike spike,
    @Default("64") int window,
    @Default("8") double deviations,
    @Default("16") int maxSkips,
    @Default("3") int capsules) {
  /** Checks ranges. */
  public GuardConfig {
    new Check()
        .range("window", window, 3, 4096, "steps")
        .range("deviations", deviations, 0.001, 1e6)
        .range("maxSkips", maxSkips, 0, 1_000_000_000, "steps")
        .range("capsules", capsules, 0, 1_000_000, "capsules")
        .done();
  }

  /** What a loss that is not a number does. */
  public enum NonFinite {
    /** Ends the run before the update. */
    STOP,
    /** Goes on with the next batch. */
    SKIP
  }

  /** What a loss far above the others does. */
  public enum Spike {
    /** Nothing; no loss is kept. */
    IGNORE,
    /** Is written down. */
    NOTE,
    /** Goes on with the next batch, and is written down. */
    SKIP,
    /** Ends the run before the update. */
    STOP
  }
}
