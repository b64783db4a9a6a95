package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.Kernels;
import java.util.List;
import java.util.function.Supplier;

/**
 * The machine's peak in this process: the best rate of square matrix products of several sizes.
 * Both the BLAS behind matmul and the route of the model's own products are tried, and the fastest
 * counts, so that a slow BLAS cannot make the share of the peak look better.
 *
 * @param gigaflops billions of floating-point operations per second
 * @param side of the squares that reached it
 */
record GemmPeak(double gigaflops, int side) {
  private static final List<Integer> CPU_SIDES = List.of(1024, 2048);
  private static final List<Integer> GPU_SIDES = List.of(8192);

  /** Rounds take this long for each size and route, unless one alone takes longer. */
  private static final double SECONDS = 0.4;

  /** Measures; takes a few seconds. */
  static GemmPeak measure(Machine machine, Precision precision) {
    GemmPeak best = new GemmPeak(0, 0);
    Kernels kernels = machine.kernels();
    for (int side : machine.device().isGpu() ? GPU_SIDES : CPU_SIDES) {
      try (NDManager manager = machine.manager().newSubManager()) {
        NDArray x = square(manager, side, precision);
        NDArray w = square(manager, side, precision);
        best =
            best.orFaster(rate(kernels, side, () -> kernels.product(manager, x, w)), side)
                .orFaster(rate(kernels, side, () -> kernels.modelProduct(manager, x, w)), side);
      }
    }
    return best;
  }

  /** The faster of two measurements. */
  GemmPeak orFaster(GemmPeak other) {
    return orFaster(other.gigaflops, other.side);
  }

  private GemmPeak orFaster(double rate, int of) {
    return rate > gigaflops ? new GemmPeak(rate, of) : this;
  }

  private static NDArray square(NDManager manager, int side, Precision precision) {
    return FloatArrays.converted(
        manager, manager.randomUniform(-0.5f, 0.5f, new Shape(side, side)), precision);
  }

  private static double rate(Kernels kernels, int side, Supplier<NDArray> product) {
    double best = Double.POSITIVE_INFINITY;
    double spent = 0;
    while (spent < SECONDS) {
      long began = System.nanoTime();
      product.get().close();
      kernels.await();
      double seconds = (System.nanoTime() - began) / 1e9;
      best = Math.min(best, seconds);
      spent += seconds;
    }
    return 2.0 * side * side * side / best / 1e9;
  }
}
