package dev.palimpsest.cli.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.CudaDriver;
import dev.palimpsest.cli.machine.GemmPeak;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.ProcessStatus;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.plan.Accelerator;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.TrainStep;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
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
      "The share of the GEMM peak is relative to the fastest square matrix product in the same process.",
      "MFU is the share of the GPU's specified peak; repeated operations do not count."
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

  @Option(
      names = "--steps",
      defaultValue = "10",
      description = "Number of timed steps, after 2 untimed ones. Default: 10.")
  int steps;

  @Option(
      names = "--pictures",
      description =
          "Also times steps whose pictures are decoded from JPEG files at the same time, by all processors but one.")
  boolean pictures;

  @Mixin ModelBench options;

  @Override
  public Integer call() {
    ModelBench.requirePositive("--steps", steps);
    int used = options.threads();
    StepSizes bench = bench(config);
    try (Machine machine = options.open()) {
      GemmPeak peak = GemmPeak.measure(machine, precision, steps);
      Times times = time(bench, machine);
      GemmPeak again = GemmPeak.measure(machine, precision, steps);
      StepFigures figures = figures(bench, machine, used, times, peak.orFaster(again));
      figures.print(options.table(spec), bench, steps);
      options.tell(spec, figures);
    }
    return ExitCode.DONE.code();
  }

  /**
   * The measurements.
   *
   * @param made seconds of each step on made-up examples
   * @param decoded seconds of each step on decoded pictures, including waiting for them; may be
   *     empty
   * @param waited seconds of waiting in all of these
   * @param trace hash of every loss and norm of the made-up steps, which repeats if the steps do
   * @param freeBytes that a GPU has left; empty on a CPU
   */
  private record Times(
      double[] made, double[] decoded, double waited, String trace, OptionalLong freeBytes) {}

  private Times time(StepSizes bench, Machine machine) {
    NDManager manager = machine.manager();
    Kernels kernels = machine.kernels();
    StageConfig stage = BareStage.of(bench, precision);
    Parameters parameters = drawn(manager, bench);
    ParameterGroups groups =
        ParameterGroups.of(stage.requiredOptimizer(), parameters.names(), Long.MAX_VALUE);
    Optimizer optimizer = Optimizer.of(stage.requiredOptimizer(), groups, kernels);
    TrainStep step =
        new TrainStep(
            Models.of(bench.model(), precision, kernels), stage, optimizer, Storage.IN_MEMORY, 0);
    TrainState state =
        optimizer.prepared(
            manager, new TrainState(parameters, Map.of(), 0, 0, 0, "bench", 0), Storage.IN_MEMORY);
    MessageDigest trace = ContentHash.sha256();
    double[] made;
    try (NDManager inputs = manager.newSubManager()) {
      TrainingInput batch = madeUp(inputs, bench);
      Runnable one =
          () ->
              add(
                  trace,
                  step.run(
                      manager, state, m -> new MicroBatch(batch, "made-up examples", 0, () -> {})));
      warmUp(one);
      made = time(kernels, one);
    }
    String hash = HexFormat.of().formatHex(trace.digest());
    if (!pictures) {
      return new Times(made, new double[0], 0, hash, left(machine));
    }
    int workers = Math.max(1, Runtime.getRuntime().availableProcessors() - 1);
    try (DrawnPictures drawn = DrawnPictures.draw();
        PictureFeed feed = new PictureFeed(bench, drawn.files(), workers)) {
      Runnable one = () -> step.run(manager, state, feed::next);
      warmUp(one);
      feed.waited();
      double[] decoded = time(kernels, one);
      return new Times(made, decoded, feed.waited(), hash, left(machine));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot draw pictures", e);
    }
  }

  /** Parameters drawn by the engine on its device, because only their scale matters here. */
  static Parameters drawn(NDManager manager, StepSizes bench) {
    Engine.getEngine("PyTorch").setRandomSeed(0);
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (BlockSpec block : Architecture.of(bench.model()).blocks(bench.resolution())) {
      for (BlockSpec.Parameter p : block.parameters()) {
        float size = (float) p.init().size();
        boolean constant = p.init().distribution() == Init.Distribution.CONSTANT;
        arrays.put(
            block.name(p),
            constant
                ? own.full(p.shape(), size)
                : own.randomNormal(0, size, p.shape(), DataType.FLOAT32));
      }
    }
    return new Parameters(own, arrays);
  }

  private static void warmUp(Runnable step) {
    for (int i = 0; i < WARM_UP; i++) {
      step.run();
    }
  }

  /** Seconds of each run. */
  private double[] time(Kernels kernels, Runnable step) {
    double[] seconds = new double[steps];
    for (int i = 0; i < steps; i++) {
      kernels.await();
      long began = System.nanoTime();
      step.run();
      kernels.await();
      seconds[i] = (System.nanoTime() - began) / 1e9;
    }
    return seconds;
  }

  private static void add(MessageDigest trace, TrainStep.Outcome outcome) {
    ByteBuffer numbers = ByteBuffer.allocate(4 * Double.BYTES);
    numbers
        .putDouble(outcome.loss())
        .putDouble(outcome.gradientNorm())
        .putDouble(outcome.updateNorm())
        .putDouble(outcome.parameterNorm());
    trace.update(numbers.array());
  }

  /** A GPU's memory that was never needed: the engine keeps all memory that it ever used. */
  private static OptionalLong left(Machine machine) {
    return machine.gpu().isEmpty() ? OptionalLong.empty() : OptionalLong.of(machine.gpuBytesFree());
  }

  /** Random pixels and tokens; the first quarter of the text is prefix. */
  static TrainingInput madeUp(NDManager manager, StepSizes bench) {
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

  private StepFigures figures(
      StepSizes bench, Machine machine, int used, Times times, GemmPeak gemmPeak) {
    double[] sorted = times.made().clone();
    Arrays.sort(sorted);
    double median = median(times.made());
    double gigaflops = bench.flopsPerStep() / 1e9 / median;
    Optional<CudaDriver.Gpu> gpu = machine.gpu();
    Optional<Double> teraflops =
        gpu.flatMap(one -> Accelerator.reported(one.name())).map(peak -> peak.teraflops(precision));
    Optional<Double> fed =
        times.decoded().length == 0 ? Optional.empty() : Optional.of(median(times.decoded()));
    OptionalLong resident = ProcessStatus.bytes("VmHWM");
    return new StepFigures(
        config,
        precision.name().toLowerCase(Locale.ROOT),
        used,
        median,
        sorted[0],
        sorted[sorted.length - 1],
        bench.batchSize() / median,
        bench.flopsPerStep() / 1e9,
        gigaflops,
        gemmPeak.side(),
        gemmPeak.gigaflops(),
        gigaflops / gemmPeak.gigaflops(),
        fed.orElse(null),
        fed.map(seconds -> bench.batchSize() / seconds).orElse(null),
        fed.map(seconds -> times.waited() / Arrays.stream(times.decoded()).sum()).orElse(null),
        gpu.map(CudaDriver.Gpu::name).orElse(null),
        gpu.map(one -> one.memory() - times.freeBytes().orElse(0)).orElse(null),
        teraflops.orElse(null),
        teraflops.map(peak -> gigaflops / 1000 / peak).orElse(null),
        times.trace(),
        resident.isPresent() ? resident.getAsLong() : null);
  }

  static double median(double[] seconds) {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    return (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
  }

  /** The sizes named by an option. */
  static StepSizes bench(String config) {
    return switch (config) {
      case "tiny" -> StepSizes.TINY;
      case "small" -> StepSizes.SMALL;
      default -> {
        Path file = Path.of(config);
        if (!Files.exists(file)) {
          throw new UserMistake(
              "--config must be tiny, small or a YAML file; there is no file " + file);
        }
        yield Recipes.bindStepSizes(file);
      }
    };
  }
}
