package dev.palimpsest.cli.machine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.plan.Accelerator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The machine's peak in this process: the best rate of square matrix products of several sizes.
 * Both the BLAS behind matmul and the route of the model's own products are tried, and the fastest
 * counts, so that a slow BLAS cannot make the share of the peak look better.
 *
 * @param gigaflops billions of floating-point operations per second
 * @param side of the squares that reached it
 */
public record GemmPeak(double gigaflops, int side) {
  private static final List<Integer> CPU_SIDES = List.of(1024, 2048);
  private static final List<Integer> GPU_SIDES = List.of(8192);

  /**
   * So few threads are busy with the smaller size in float32, whose products take an eighth of the
   * time. In bfloat16 conversions may come on top, which weigh less the larger the size is.
   */
  private static final int FEW_THREADS = 2;

  /** Rounds take this long for each size and route, unless the fewest products take longer. */
  private static final double MOST_SECONDS = 0.4;

  private static final double SECONDS_A_STEP = 0.04;
  private static final double FEW_SECONDS = 0.1;

  /** The first one also brings memory and threads; any of them may meet another program's work. */
  private static final int LEAST_PRODUCTS = 4;

  /**
   * Measures; takes a few seconds.
   *
   * @param steps with which it is to be compared: over few of them it need not be more exact than
   *     they are
   */
  public static GemmPeak measure(Machine machine, Precision precision, int steps) {
    double seconds = Math.min(MOST_SECONDS, steps * SECONDS_A_STEP);
    return measure(machine, precision, seconds, CPU_SIDES);
  }

  /**
   * The peak for a run's MFU: what is specified of a known GPU, or else measured, in less than a
   * second.
   *
   * @param threads libtorch's
   */
  public static Peak of(Machine machine, Precision precision, int threads) {
    Optional<Accelerator> known = machine.gpu().flatMap(gpu -> Accelerator.reported(gpu.name()));
    if (known.isPresent()) {
      return new Peak(
          1e12 * known.get().teraflops(precision),
          "specified for " + known.get().device() + " in " + ConfigYaml.word(precision));
    }
    GemmPeak measured =
        measure(
            machine,
            precision,
            FEW_SECONDS,
            threads > FEW_THREADS || precision == Precision.BF16
                ? CPU_SIDES
                : CPU_SIDES.subList(0, 1));
    return new Peak(
        1e9 * measured.gigaflops,
        "measured here: products of %s matrices of side %d on %s"
            .formatted(
                ConfigYaml.word(precision),
                measured.side,
                machine.device().isGpu()
                    ? "the GPU"
                    : threads == 1 ? "one thread" : threads + " threads"));
  }

  private static GemmPeak measure(
      Machine machine, Precision precision, double seconds, List<Integer> cpuSides) {
    GemmPeak best = new GemmPeak(0, 0);
    Kernels kernels = machine.kernels();
    for (int side : machine.device().isGpu() ? GPU_SIDES : cpuSides) {
      try (NDManager manager = machine.manager().newSubManager()) {
        NDArray x = square(manager, side, precision);
        NDArray w = square(manager, side, precision);
        best =
            best.orFaster(rate(kernels, side, seconds, () -> kernels.product(manager, x, w)), side)
                .orFaster(
                    rate(kernels, side, seconds, () -> kernels.modelProduct(manager, x, w)), side);
      }
    }
    return best;
  }

  /** The faster of two measurements. */
  public GemmPeak orFaster(GemmPeak other) {
    return orFaster(other.gigaflops, other.side);
  }

  private GemmPeak orFaster(double rate, int of) {
    return rate > gigaflops ? new GemmPeak(rate, of) : this;
  }

  private static NDArray square(NDManager manager, int side, Precision precision) {
    return FloatArrays.converted(
        manager, manager.randomUniform(-0.5f, 0.5f, new Shape(side, side)), precision);
  }

  private static double rate(Kernels kernels, int side, double least, Supplier<NDArray> product) {
    double best = Double.POSITIVE_INFINITY;
    double spent = 0;
    for (int products = 0; products < LEAST_PRODUCTS || spent < least; products++) {
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
