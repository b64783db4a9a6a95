package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.Machine;

/** How fast this process reads its memory: the sum of an array far larger than any cache. */
final class MemoryBandwidth {
  private static final long ELEMENTS = 1L << 28; // 1 GiB of float32
  private static final int ROUNDS = 5;

  private MemoryBandwidth() {}

  /** The best of several rounds, in 10^9 bytes per second. */
  static double gigabytes(Machine machine) {
    double best = 0;
    try (NDManager manager = machine.manager().newSubManager()) {
      NDArray array = manager.ones(new Shape(ELEMENTS));
      for (int round = 0; round < ROUNDS; round++) {
        long began = System.nanoTime();
        try (NDArray sum = array.sum()) {
          sum.toFloatArray(); // waits for a device
        }
        best = Math.max(best, ELEMENTS * Float.BYTES / (double) (System.nanoTime() - began));
      }
    }
    return best;
  }
}
