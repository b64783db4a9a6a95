package dev.palimpsest.mixtures;

import java.util.List;

/**
 * Which task and which example stand at a position: a pure function of (seed, stage, index), O(1),
 * without iterator state. Without replacement within an epoch of each task's source.
 */
public final class MixtureOrder {
  /**
   * An order.
   *
   * @param seed the run's seed
   * @param stage name of the stage whose order this is
   * @param weights one a task, not negative, at least one positive; need not sum to 1
   * @param sizes examples a task
   */
  public MixtureOrder(long seed, String stage, List<Double> weights, List<Long> sizes) {
    throw new UnsupportedOperationException();
  }

  /** What stands at a global position, 0-based. */
  public Position at(long index) {
    throw new UnsupportedOperationException();
  }

  /**
   * A position's content.
   *
   * @param task index into the weights
   * @param example index into the task's source
   * @param epoch how often the source was gone through before
   */
  public record Position(int task, long example, long epoch) {}
}
