package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.Kernels;
import java.util.Random;
import java.util.function.Supplier;

/**
 * The machine's peak in this process: the best rate of a square matrix product, of side 1024 on a
 * CPU and 8192 on a GPU, which a small product would leave idle. In float32, both the BLAS behind
 * matmul and the route of the model's own products are tried, and the faster one counts, so that a
 * slow BLAS cannot make the share of the peak look better.
 */
final class GemmPeak {
  private static final int ROUNDS = 12;
  private static final int PRODUCTS = 4;

  private GemmPeak() {}

  /** Side of the square matrices. */
  static int side(Machine machine) {
    return machine.device().isGpu() ? 8192 : 1024;
  }

  /** Billions of floating-point operations per second; takes well under a second. */
  static double gigaflops(Machine machine, Precision precision) {
    int side = side(machine);
    Random random = new Random(0);
    float[] a = new float[side * side];
    float[] b = new float[side * side];
    for (int i = 0; i < a.length; i++) {
      a[i] = random.nextFloat() - 0.5f;
      b[i] = random.nextFloat() - 0.5f;
    }
    Kernels kernels = machine.kernels();
    try (NDManager manager = machine.manager().newSubManager()) {
      Shape square = new Shape(side, side);
      NDArray x = FloatArrays.converted(manager, manager.create(a, square), precision);
      NDArray w = FloatArrays.converted(manager, manager.create(b, square), precision);
      double best = rate(machine, () -> kernels.product(manager, x, w));
      if (precision == Precision.F32) {
        best = Math.max(best, rate(machine, () -> kernels.modelProduct(manager, x, w)));
      }
      return best;
    }
  }

  private static double rate(Machine machine, Supplier<NDArray> product) {
    double side = side(machine);
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long began = System.nanoTime();
      for (int i = 0; i < PRODUCTS; i++) {
        product.get().close();
      }
      machine.kernels().await();
      double seconds = (System.nanoTime() - began) / 1e9 / PRODUCTS;
      best = Math.max(best, 2 * side * side * side / seconds / 1e9);
    }
    return best;
  }
}
