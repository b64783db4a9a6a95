package dev.palimpsest.stages.training;

import java.util.ArrayList;
import java.util.List;

/**
 * What the guard of a stage remembers from step to step; part of every training checkpoint, so that
 * a resumed run judges as one that never stopped.
 *
 * @param losses the last losses that were let through, oldest first; empty when spikes are ignored
 * @param skipped steps skipped so far
 * @param capsules replay capsules left so far
 */
public record GuardState(List<Double> losses, int skipped, int capsules) {
  /** At the first step of a stage. */
  static final GuardState START = new GuardState(List.of(), 0, 0);

  /** Copies. */
  public GuardState {
    losses = List.copyOf(losses);
  }

  /** With one more loss, of which at most {@code window} are kept. */
  GuardState letThrough(double loss, int window) {
    List<Double> all = new ArrayList<>(losses);
    all.add(loss);
    return new GuardState(
        all.subList(Math.max(0, all.size() - window), all.size()), skipped, capsules);
  }

  GuardState withSkip() {
    return new GuardState(losses, skipped + 1, capsules);
  }

  GuardState withCapsule() {
    return new GuardState(losses, skipped, capsules + 1);
  }
}
