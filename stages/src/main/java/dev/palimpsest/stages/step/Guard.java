package dev.palimpsest.stages.step;

import dev.palimpsest.configs.GuardConfig;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.step.GuardEvent.Action;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Judges a step between its gradients and its update. It has no state: see {@link GuardState}. */
public final class Guard {
  /** Standard deviation of a normal distribution over its median absolute deviation. */
  private static final double NORMAL = 1.4826;

  private static final double LEAST_RELATIVE_SPREAD = 0.01;

  private final GuardConfig config;

  public Guard(GuardConfig config) {
    this.config = config;
  }

  /**
   * A suspicious step.
   *
   * @param what in words: {@code the loss is NaN}
   */
  public record Finding(Action action, String what) {}

  /** Says what is wrong with a step, if anything. */
  public Optional<Finding> judge(GuardState state, double loss, double gradientNorm) {
    Optional<Finding> found =
        Double.isFinite(loss) && Double.isFinite(gradientNorm)
            ? spike(state.losses(), loss)
            : Optional.of(
                new Finding(
                    config.nonFinite() == GuardConfig.NonFinite.SKIP ? Action.SKIP : Action.STOP,
                    Double.isFinite(loss)
                        ? "the gradient norm is " + gradientNorm
                        : "the loss is " + loss));
    return found.map(
        f ->
            f.action == Action.SKIP && state.skipped() >= config.maxSkips()
                ? new Finding(
                    Action.STOP,
                    f.what + ", and guard.maxSkips %d is used up".formatted(config.maxSkips()))
                : f);
  }

  private Optional<Finding> spike(List<Double> losses, double loss) {
    if (config.spike() == GuardConfig.Spike.IGNORE || losses.size() < config.window()) {
      return Optional.empty();
    }
    double median = median(losses);
    double deviation = median(losses.stream().map(l -> Math.abs(l - median)).toList());
    double spread = Math.max(NORMAL * deviation, LEAST_RELATIVE_SPREAD * Math.abs(median));
    double limit = median + config.deviations() * spread;
    if (loss <= limit) {
      return Optional.empty();
    }
    Action action =
        switch (config.spike()) {
          case SKIP -> Action.SKIP;
          case STOP -> Action.STOP;
          default -> Action.NOTE;
        };
    return Optional.of(
        new Finding(
            action,
            String.format(
                Locale.ROOT,
                "the loss spikes: %.6g is above %.6g (median %.6g of the last %d steps + %s x spread %.3g)",
                loss,
                limit,
                median,
                losses.size(),
                config.deviations(),
                spread)));
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** The state after a step that was accepted. */
  public GuardState after(GuardState state, double loss) {
    return config.spike() == GuardConfig.Spike.IGNORE
        ? state
        : state.letThrough(loss, config.window());
  }

  /** Whether another event may leave a capsule. */
  public boolean leavesCapsule(GuardState state) {
    return state.capsules() < config.capsules();
  }
}
