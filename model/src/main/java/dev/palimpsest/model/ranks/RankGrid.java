package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;

/**
 * Ranks in groups of the same size, each of which divides arrays among its ranks: what is divided
 * exists once in every group. With one group, this is the division among all ranks.
 *
 * @param all ranks
 * @param within the ranks of this rank's group, which follow one another, such as those of a node
 * @param across the ranks that have the same place, and part, in the other groups
 * @param inOrder whether sums are added in the order of the ranks' numbers, see {@link
 *     Collectives#reduceScatterInOrder}
 */
public record RankGrid(Collectives all, Collectives within, Collectives across, boolean inOrder) {
  /**
   * Divides ranks into groups; every rank calls this.
   *
   * @param within number of ranks in a group, which divides that of all; 0: all in one
   */
  public static RankGrid of(Collectives all, int within, boolean inOrder) {
    if (within == 0 || within == all.size()) {
      return new RankGrid(all, all, Collectives.alone(), inOrder);
    }
    return new RankGrid(
        all, all.split(all.rank() / within), all.split(all.rank() % within), inOrder);
  }

  /**
   * Replaces this rank's part of an array by the sum over all ranks; the rest is undefined
   * afterwards.
   *
   * @param array float32, contiguous
   * @param parts of the ranks within a group
   */
  public void reduceScatter(NDArray array, Parts parts) {
    if (inOrder) {
      within.reduceScatterInOrder(array, parts);
    } else {
      within.reduceScatter(array, parts);
    }
    if (!across.isAlone() && parts.length(within.rank()) > 0) {
      try (NDArray own = parts.of(array, within.rank())) {
        sum(own, across);
      }
    }
  }

  /**
   * Replaces an array by the sum over all ranks.
   *
   * @param array float32, contiguous
   */
  public void sum(NDArray array) {
    sum(array, all);
  }

  private void sum(NDArray array, Collectives ranks) {
    if (!inOrder) {
      ranks.sum(array);
    } else if (!ranks.isAlone()) {
      Parts even = Parts.evenly(array.size(), ranks.size());
      ranks.reduceScatterInOrder(array, even);
      ranks.allGather(array, even);
    }
  }
}
