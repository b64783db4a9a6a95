package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.StepSizes;
import java.io.PrintWriter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Figures of {@code bench step}. Those of decoded pictures are null if they were not requested,
 * those of a GPU if there is none.
 *
 * @param secondsPerStep median
 * @param gigaflopPerStep of matrix products, repetitions not counted
 * @param gemmSide side of the squares whose product is the GEMM peak
 * @param picturesWaited share of the time with decoded pictures that was spent waiting for them
 * @param gpuMemoryBytes in use by all programs
 * @param peakTeraflops the GPU's specified peak
 * @param mfu share of it
 * @param trace as computed by {@link BenchStepCommand}
 * @param peakMemoryBytes of the process; null if the system does not report it
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record StepFigures(
    String config,
    String precision,
    int threads,
    double secondsPerStep,
    double fastestStep,
    double slowestStep,
    double examplesPerSecond,
    double gigaflopPerStep,
    double gigaflopsPerSecond,
    int gemmSide,
    double gemmPeakGigaflopsPerSecond,
    double shareOfGemmPeak,
    @Nullable Double picturesSecondsPerStep,
    @Nullable Double picturesPerSecond,
    @Nullable Double picturesWaited,
    @Nullable String gpu,
    @Nullable Long gpuMemoryBytes,
    @Nullable Double peakTeraflops,
    @Nullable Double mfu,
    String trace,
    @Nullable Long peakMemoryBytes) {
  /** Prints the figures for people. */
  void print(PrintWriter out, StepSizes bench, int steps) {
    print(
        out,
        "config %s, %s, %d threads: batch %d, %d image + %d text tokens",
        config,
        precision,
        threads,
        bench.batchSize(),
        bench.model().vision().imageTokens(bench.resolution()),
        bench.textTokens());
    out.println(ModelCost.FLOPS_FORMULA);
    print(
        out,
        "seconds/step: median %.4f  min %.4f  max %.4f  (%d steps); %.2f examples/s",
        secondsPerStep,
        fastestStep,
        slowestStep,
        steps,
        examplesPerSecond);
    print(out, "GFLOP/step %.1f -> %.1f GFLOP/s (median)", gigaflopPerStep, gigaflopsPerSecond);
    print(
        out,
        "GEMM peak %d^3, same process: %.1f GFLOP/s -> the step runs at %.1f %% of it",
        gemmSide,
        gemmPeakGigaflopsPerSecond,
        100 * shareOfGemmPeak);
    if (picturesSecondsPerStep != null && picturesPerSecond != null && picturesWaited != null) {
      print(
          out,
          "with decoded pictures: median %.4f seconds/step, %.2f images/s, %.1f %% of it waiting",
          picturesSecondsPerStep,
          picturesPerSecond,
          100 * picturesWaited);
    }
    if (gpu != null && gpuMemoryBytes != null) {
      print(out, "%s: %.1f GiB of its memory in use", gpu, gpuMemoryBytes / (double) (1L << 30));
    }
    if (mfu != null && peakTeraflops != null) {
      print(out, "MFU %.1f %% of %.1f TFLOP/s", 100 * mfu, peakTeraflops);
    }
    out.println("losses and norms of the steps: " + trace);
    if (peakMemoryBytes != null) {
      print(out, "peak memory of the process: %.0f MiB", peakMemoryBytes / 1048576.0);
    } else {
      out.println("peak memory of the process: not reported by this operating system");
    }
    out.flush();
  }

  private static void print(PrintWriter out, String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
  }
}
