package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.BenchConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.training.MicroBatch;
import dev.palimpsest.stages.training.Optimizer;
import dev.palimpsest.stages.training.ParameterGroups;
import dev.palimpsest.stages.training.Storage;
import dev.palimpsest.stages.training.TrainState;
import dev.palimpsest.stages.training.TrainStep;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code palimpsest bench step}: seconds of one whole training step, against what the machine can
 * do.
 */
@Command(
    name = "step",
    mixinStandardHelpOptions = true,
    description = {
      "Times complete training steps (forward, backward, clip, Adam) on synthetic examples.",
      "The share of the GEMM peak is relative to the fastest square matrix product in the same process."
    })
final class BenchStepCommand implements Callable<Integer> {
  private static final int WARM_UP = 2;

  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      required = true,
      paramLabel = "tiny|small|FILE",
      description =
          "Sizes: a built-in set, or a YAML file with model, resolution, textTokens, batchSize.")
  String config;

  @Option(names = "--precision", defaultValue = "f32", description = "f32 or bf16. Default: f32.")
  Precision precision;

  @Option(names = "--threads", description = "Compute threads. Default: all processors.")
  @Nullable Integer threads;

  @Option(
      names = "--steps",
      defaultValue = "10",
      description = "Number of timed steps, after 2 untimed ones. Default: 10.")
  int steps;

  @Option(names = "--json", paramLabel = "FILE", description = "Also writes the figures as JSON.")
  @Nullable Path json;

  @Mixin DeviceOption device;

  @Override
  public Integer call() {
    if (steps < 1) {
      throw new UserMistake("--steps must be 1 or more, got " + steps);
    }
    int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    if (used < 1) {
      throw new UserMistake("--threads must be 1 or more, got " + used);
    }
    BenchConfig bench = bench(config);
    try (Machine machine = device.open(used)) {
      double peakBefore = GemmPeak.gigaflops(machine, precision);
      double[] seconds = time(bench, machine.manager(), machine.kernels());
      double peak = Math.max(peakBefore, GemmPeak.gigaflops(machine, precision));
      print(bench, used, seconds, peak, GemmPeak.side(machine));
    }
    return 0;
  }

  private double[] time(BenchConfig bench, NDManager manager, Kernels kernels) {
    StageConfig stage = BareStage.of(bench, precision);
    Parameters parameters = Initialization.random(manager, bench.model(), bench.resolution(), 0);
    ParameterGroups groups =
        ParameterGroups.of(stage.requiredOptimizer(), parameters.names(), Long.MAX_VALUE);
    Optimizer optimizer = Optimizer.of(stage.requiredOptimizer(), groups, kernels);
    TrainStep step =
        new TrainStep(
            Models.of(bench.model(), precision, kernels),
            stage,
            groups,
            optimizer,
            Storage.IN_MEMORY,
            0);
    TrainState state =
        optimizer.prepared(
            manager, new TrainState(parameters, Map.of(), 0, 0, 0, "bench", 0), Storage.IN_MEMORY);
    double[] seconds = new double[steps];
    try (NDManager inputs = manager.newSubManager()) {
      TrainingInput batch = madeUp(inputs, bench);
      for (int i = -WARM_UP; i < steps; i++) {
        long began = System.nanoTime();
        step.run(manager, state, m -> new MicroBatch(batch, "made-up examples", 0, () -> {}));
        if (i >= 0) {
          seconds[i] = (System.nanoTime() - began) / 1e9;
        }
      }
    }
    return seconds;
  }

  /** Random pixels and tokens; the first quarter of the text is prefix. */
  private static TrainingInput madeUp(NDManager manager, BenchConfig bench) {
    Random random = new Random(0);
    int b = bench.batchSize();
    int t = bench.textTokens();
    int pixels = b * bench.resolution() * bench.resolution() * 3;
    float[] image = new float[pixels];
    for (int i = 0; i < pixels; i++) {
      image[i] = random.nextFloat() * 2 - 1;
    }
    long[] text = new long[b * t];
    long[] targets = new long[b * t];
    long[] ar = new long[b * t];
    float[] mask = new float[b * t];
    for (int i = 0; i < b * t; i++) {
      text[i] = random.nextInt(bench.model().language().vocabulary());
      targets[i] = random.nextInt(bench.model().language().vocabulary());
      ar[i] = i % t < t / 4 ? 0 : 1;
      mask[i] = ar[i];
    }
    NDArray images =
        manager.create(image, new Shape(b, 1, bench.resolution(), bench.resolution(), 3));
    return new TrainingInput(
        new ModelInput(
            images, manager.create(text, new Shape(b, t)), manager.create(ar, new Shape(b, t))),
        manager.create(targets, new Shape(b, t)),
        manager.create(mask, new Shape(b, t)).toType(DataType.FLOAT32, false));
  }

  private void print(BenchConfig bench, int used, double[] seconds, double peak, int side) {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    double median = (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
    double gigaflop = bench.flopsPerStep() / 1e9;
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "config %s, %s, %d threads: batch %d, %d image + %d text tokens%n",
        config,
        precision.name().toLowerCase(Locale.ROOT),
        used,
        bench.batchSize(),
        bench.model().vision().imageTokens(bench.resolution()),
        bench.textTokens());
    out.println(ModelCost.FLOPS_FORMULA);
    out.printf(
        Locale.ROOT,
        "seconds/step: median %.4f  min %.4f  max %.4f  (%d steps)%n",
        median,
        sorted[0],
        sorted[sorted.length - 1],
        steps);
    out.printf(
        Locale.ROOT, "GFLOP/step %.1f -> %.1f GFLOP/s (median)%n", gigaflop, gigaflop / median);
    out.printf(
        Locale.ROOT,
        "GEMM peak %d^3, same process: %.1f GFLOP/s -> the step runs at %.1f %% of it%n",
        side,
        peak,
        100 * gigaflop / median / peak);
    OptionalLong memory = peakMemoryBytes();
    if (memory.isPresent()) {
      out.printf(
          Locale.ROOT, "peak memory of the process: %.0f MiB%n", memory.getAsLong() / 1048576.0);
    } else {
      out.println("peak memory of the process: not reported by this operating system");
    }
    out.flush();
    if (json != null) {
      Map<String, Object> figures = new LinkedHashMap<>();
      figures.put("config", config);
      figures.put("precision", precision.name().toLowerCase(Locale.ROOT));
      figures.put("threads", used);
      figures.put(
          "secondsPerStep",
          Map.of("median", median, "min", sorted[0], "max", sorted[sorted.length - 1]));
      figures.put("gigaflopPerStep", gigaflop);
      figures.put("gigaflopsPerSecond", gigaflop / median);
      figures.put("gemmPeakGigaflopsPerSecond", peak);
      figures.put("shareOfGemmPeak", gigaflop / median / peak);
      memory.ifPresent(m -> figures.put("peakMemoryBytes", m));
      RunFolder.writeJson(json, figures);
    }
  }

  /** The sizes that an option names. */
  static BenchConfig bench(String config) {
    return switch (config) {
      case "tiny" -> BenchConfig.TINY;
      case "small" -> BenchConfig.SMALL;
      default -> {
        Path file = Path.of(config);
        if (!Files.exists(file)) {
          throw new UserMistake(
              "--config must be tiny, small or a YAML file; there is no file " + file);
        }
        yield Recipes.bindBenchmark(file);
      }
    };
  }

  /** The kernel's high-water mark of resident memory. */
  private static OptionalLong peakMemoryBytes() {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return OptionalLong.empty();
    }
    try {
      return Files.readAllLines(status, StandardCharsets.UTF_8).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + status, e);
    }
  }
}
