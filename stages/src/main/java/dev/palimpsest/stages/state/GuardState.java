package dev.palimpsest.stages.state;

import java.util.ArrayList;
import java.util.List;

/**
 * What a stage's guard remembers from step to step; part of every training checkpoint, so that a
 * resumed run judges like one that never stopped.
 *
 * @param losses the last accepted losses, oldest first; empty if spikes are ignored
 * @param skipped steps skipped so far
 * @param capsules replay capsules left so far
 */
public record GuardState(List<Double> losses, int skipped, int capsules) {
  /** The state at the first step of a stage. */
  public static final GuardState START = new GuardState(List.of(), 0, 0);

  /** Keeps unmodifiable copies. */
  public GuardState {
    losses = List.copyOf(losses);
  }

  /** The state with one more loss; at most {@code window} losses are kept. */
  public GuardState letThrough(double loss, int window) {
    List<Double> all = new ArrayList<>(losses);
    all.add(loss);
    return new GuardState(
        all.subList(Math.max(0, all.size() - window), all.size()), skipped, capsules);
  }

  /** The state with one more skipped step. */
  public GuardState withSkip() {
    return new GuardState(losses, skipped + 1, capsules);
  }

  /** The state with one more capsule. */
  public GuardState withCapsule() {
    return new GuardState(losses, skipped, capsules + 1);
  }
}
