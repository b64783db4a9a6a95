package dev.palimpsest.stages.step;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.RanksConfig.ReductionOrder;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.stages.optimizer.Shards;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The sum of a step's gradients over the micro batches of all ranks. Ranks exchange an array as
 * soon as it is whole, and where they can, while the backward pass goes on with other blocks.
 *
 * <p>In the fixed order it is a binary tree over the micro batches: neighbours are added, then
 * pairs of neighbours, and so on; what is left at the end is added from the right. A round's micro
 * batches are neighbours, so with a power of two as the number of ranks their sum is a node of the
 * tree, and the tree above it does not depend on who computed what.
 */
final class GradientSum implements AutoCloseable {
  private final DataParallel parallel;
  private final @Nullable Shards shards;
  private final Supplier<Parameters> first;
  private final Supplier<Parameters> others;

  /** Sums of 1, 2, 4, ... rounds that wait for their neighbour, the largest first. */
  private final List<Partial> partial = new ArrayList<>();

  private record Partial(int rounds, Parameters sum) {}

  /**
   * Begins a sum.
   *
   * @param shards of which this rank needs the sum; null: of all
   * @param first arrays of the gradients' names and shapes, zero, where the sum will be
   * @param others the same for what is added to it
   */
  GradientSum(
      DataParallel parallel,
      @Nullable Shards shards,
      Supplier<Parameters> first,
      Supplier<Parameters> others) {
    this.parallel = parallel;
    this.shards = shards;
    this.first = first;
    this.others = others;
  }

  /** Where the gradients of the next round's micro batch are added to. */
  Parameters next() {
    if (isFixed() || partial.isEmpty()) {
      partial.add(new Partial(1, (partial.isEmpty() ? first : others).get()));
    }
    return last().sum();
  }

  /**
   * A round's parameters, whose gradients are summed over the ranks as they become whole, if this
   * is the round for it; unless each rank keeps its part, when they are summed already.
   *
   * @param weights whose gradients are {@link #next}
   * @param names of the gradients in the order of blocks
   * @param isLast whether no other round follows
   */
  Weights summed(Weights weights, List<String> names, boolean isLast) {
    if (parallel.ranks().isAlone() || !(isFixed() || isLast)) {
      return weights;
    }
    List<String> backwards = new ArrayList<>(names);
    Collections.reverse(backwards);
    Parameters gradients = last().sum();
    return Weights.inTurn(
        weights, backwards, name -> parallel.ranks().begin(() -> sum(name, gradients)));
  }

  /** The round's gradients have been added, and are being summed over the ranks. */
  void added() {
    if (!isFixed()) {
      return;
    }
    while (partial.size() > 1 && partial.get(partial.size() - 2).rounds() == last().rounds()) {
      addLastTwo();
    }
  }

  /** The sum, in this rank's parts of the arrays; it belongs to this object. */
  Parameters total() {
    while (partial.size() > 1) {
      addLastTwo();
    }
    parallel.ranks().finish();
    Parameters total = last().sum();
    total.names().forEach(total::settled);
    return total;
  }

  /** Sums an array over the ranks: all of it, or this rank's part. */
  private void sum(String name, Parameters gradients) {
    NDArray array = gradients.settled(name); // nothing may have been added to it
    if (shards == null) {
      parallel.grid().sum(array);
    } else {
      parallel.grid().reduceScatter(array, shards.parts(name));
    }
  }

  private void addLastTwo() {
    parallel.ranks().finish();
    Partial right = partial.remove(partial.size() - 1);
    Partial left = partial.remove(partial.size() - 1);
    try (Parameters added = right.sum()) {
      added.asMap().forEach(left.sum()::add);
    }
    partial.add(new Partial(left.rounds() + right.rounds(), left.sum()));
  }

  private boolean isFixed() {
    return parallel.order() == ReductionOrder.FIXED;
  }

  private Partial last() {
    return partial.get(partial.size() - 1);
  }

  /** Waits for exchanges that use the arrays, also if the step has failed. */
  @Override
  public void close() {
    try {
      parallel.ranks().finish();
    } finally {
      partial.forEach(p -> p.sum().close());
    }
  }
}
