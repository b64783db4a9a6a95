package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import java.util.Arrays;
import java.util.Objects;

/**
 * How an array is divided among ranks: contiguous parts in the order of ranks, of any size.
 *
 * @param bounds rank r has the elements from {@code bounds[r]} up to {@code bounds[r + 1]}
 */
public record Parts(long[] bounds) {
  /** Checks that parts follow on one another. */
  public Parts {
    bounds = bounds.clone();
    for (int r = 0; r + 1 < bounds.length; r++) {
      if (bounds[0] != 0 || bounds[r] > bounds[r + 1]) {
        throw new IllegalArgumentException("not the bounds of parts: " + Arrays.toString(bounds));
      }
    }
  }

  /** Parts of nearly the same length. */
  public static Parts evenly(long elements, int ranks) {
    long[] bounds = new long[ranks + 1];
    Arrays.setAll(bounds, r -> elements * r / ranks);
    return new Parts(bounds);
  }

  /** Index of a rank's first element. */
  public long from(int rank) {
    return bounds[rank];
  }

  /** Index after a rank's last element. */
  public long to(int rank) {
    return bounds[rank + 1];
  }

  /** Number of a rank's elements. */
  public long length(int rank) {
    return to(rank) - from(rank);
  }

  /** A rank's part of an array, flat; it shares the array's memory. */
  public NDArray of(NDArray array, int rank) {
    try (NDArray flat = array.reshape(array.size())) {
      return flat.get(new NDIndex("{}:{}", from(rank), to(rank)));
    }
  }

  /** Elements of the whole array. */
  public long total() {
    return bounds[bounds.length - 1];
  }

  /** The largest part. */
  public long longest() {
    long longest = 0;
    for (int r = 0; r + 1 < bounds.length; r++) {
      longest = Math.max(longest, length(r));
    }
    return longest;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Parts parts && Arrays.equals(bounds, parts.bounds);
  }

  @Override
  public int hashCode() {
    return Objects.hash(Arrays.hashCode(bounds));
  }

  @Override
  public String toString() {
    return Arrays.toString(bounds);
  }
}
