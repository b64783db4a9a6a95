package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.kernels.FloatArrays;

/**
 * Adds every rank's version of a part of an array: neighbours, then pairs of neighbours, and so on.
 * The versions arrive in one array, by rank. Parts that are longer than what is kept of them at a
 * time are added a chunk after another.
 */
final class OrderedSum implements AutoCloseable {
  /** Elements of a part of which every rank's version is in memory at once. */
  private static final long MOST = 1L << 22;

  private final NDManager scope;
  private final NDArray all;
  private final int ranks;
  private final long chunk;

  /** Room for the parts of an array, in the memory where the array is. */
  OrderedSum(NDArray array, Parts parts, int ranks) {
    this.ranks = ranks;
    chunk = Math.max(1, Math.min(MOST, parts.longest()));
    scope = array.getManager().newSubManager(array.getDevice());
    all = scope.create(new Shape(ranks * chunk));
  }

  /** Elements of a part that are added at a time, at most. */
  long chunk() {
    return chunk;
  }

  /**
   * Where a rank's version belongs.
   *
   * @param n number of elements of the versions
   */
  long address(long rank, long n) {
    return TensorMemory.address(all) + Float.BYTES * (rank * n);
  }

  /** A rank's version, which shares this memory. */
  NDArray version(int rank, long n) {
    return slice(all, rank * n, (rank + 1) * n);
  }

  /**
   * Adds the versions up.
   *
   * @param array receives the sum of n elements from {@code at} on
   */
  void addTo(NDArray array, long at, long n) {
    for (int stride = 1; stride < ranks; stride *= 2) {
      for (int r = 0; r + stride < ranks; r += 2 * stride) {
        try (NDArray left = version(r, n);
            NDArray right = version(r + stride, n)) {
          left.addi(right);
        }
      }
    }
    try (NDArray flat = array.reshape(array.size());
        NDArray own = slice(flat, at, at + n);
        NDArray sum = version(0, n)) {
      FloatArrays.assign(own, sum);
    }
  }

  private static NDArray slice(NDArray flat, long from, long to) {
    return flat.get(new NDIndex("{}:{}", from, to));
  }

  @Override
  public void close() {
    scope.close();
  }
}
