package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import java.util.Random;

/**
 * What the machine can do in this process: the best rate of a 1024^3 product. In float32 two routes
 * are tried, the BLAS behind matmul and the one that the model's products take, and the faster one
 * counts, so that a share of the peak is never flattered by a slow BLAS.
 */
public final class GemmPeak {
  private static final int SIDE = 1024;
  private static final int ROUNDS = 12;
  private static final int PRODUCTS = 4;

  private GemmPeak() {}

  /** Billions of floating-point operations a second; takes well under a second. */
  @SuppressWarnings("try") // gradient modes are used by being open
  public static double gigaflops(Kernels kernels, Precision precision) {
    Random random = new Random(0);
    float[] a = new float[SIDE * SIDE];
    float[] b = new float[SIDE * SIDE];
    for (int i = 0; i < a.length; i++) {
      a[i] = random.nextFloat() - 0.5f;
      b[i] = random.nextFloat() - 0.5f;
    }
    try (GradientMode off = new GradientMode(false);
        NDManager manager = NDManager.newBaseManager()) {
      int type = precision == Precision.BF16 ? 15 : 6;
      Shape square = new Shape(SIDE, SIDE);
      NDArray x = kernels.array(manager, "converted", manager.create(a, square), type);
      NDArray w = kernels.array(manager, "converted", manager.create(b, square), type);
      double best = rate(() -> kernels.array(manager, "product", x, w).close());
      if (precision == Precision.F32) {
        best = Math.max(best, rate(() -> kernels.array(manager, "model_product", x, w).close()));
      }
      return best;
    }
  }

  private static double rate(Runnable product) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long began = System.nanoTime();
      for (int i = 0; i < PRODUCTS; i++) {
        product.run();
      }
      double seconds = (System.nanoTime() - began) / 1e9 / PRODUCTS;
      best = Math.max(best, 2.0 * SIDE * SIDE * SIDE / seconds / 1e9);
    }
    return best;
  }
}
