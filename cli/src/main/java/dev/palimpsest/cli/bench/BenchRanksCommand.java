package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.RankLog;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.RanksConfig.Overlap;
import dev.palimpsest.configs.RanksConfig.ReductionOrder;
import dev.palimpsest.configs.RanksConfig.Sharding;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.RankGrid;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.TrainStep;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench ranks}: how much faster several ranks are than one. */
@Command(
    name = "ranks",
    mixinStandardHelpOptions = true,
    description = {
      "Times training steps of one rank alone and of all ranks together, in turn, on synthetic examples.",
      "Each rank has a whole micro batch, so that ranks that cost nothing to connect take as long together as one does alone.",
      "Start it as a run: mpirun -np 2 --bind-to none ./palimpsest bench ranks --config small"
    })
final class BenchRanksCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int WARM_UP = 2;

  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      required = true,
      paramLabel = "tiny|small|FILE",
      description = "Sizes, as in 'bench step'; the batch is that of one rank.")
  String config;

  @Option(names = "--precision", defaultValue = "f32", description = "f32 or bf16. Default: f32.")
  Precision precision;

  @Option(
      names = "--steps",
      defaultValue = "10",
      description = "Number of timed steps of either kind, after 2 untimed ones. Default: 10.")
  int steps;

  @Option(
      names = "--overlap",
      defaultValue = "auto",
      paramLabel = "auto|always|never",
      description =
          "Whether gradients are exchanged during the backward pass, as ranks.overlap of a recipe. Default: auto.")
  Overlap overlap;

  @Mixin ModelBench options;

  /**
   * The measurements.
   *
   * @param threads of each rank
   * @param alone median seconds of a step of one rank, while the others wait
   * @param together median seconds of a step of all ranks
   * @param exchanging median seconds of that for operations between ranks, waiting included
   * @param share of the examples that as many ranks would process if they had nothing to do with
   *     each other
   * @param load average of the machine over the minute before; negative: unknown
   */
  private record Figures(
      String config,
      String transport,
      int ranks,
      int threads,
      double alone,
      double together,
      double exchanging,
      double share,
      double load) {}

  @Override
  public Integer call() {
    ModelBench.requirePositive("--steps", steps);
    ProcessGroup group = ProcessGroup.fromEnvironment(System.getenv());
    RankLog.speakAs(group.rank());
    StepSizes bench = BenchStepCommand.bench(config);
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    int threads =
        options.threads != null
            ? options.threads
            : Math.max(1, Runtime.getRuntime().availableProcessors() / group.localWorldSize());
    ModelBench.requirePositive("--threads", threads);
    try (Machine machine = options.device.open(threads, group);
        Collectives ranks =
            group.connect(
                Fingerprint.values(bench),
                machine,
                Path.of(System.getProperty("java.io.tmpdir"), "palimpsest-bench-ranks"),
                PATIENCE,
                machine.hasSpare(overlap, threads, group.localWorldSize()))) {
      Figures figures = time(bench, machine, ranks, threads, load);
      if (ranks.isFirst()) {
        print(figures);
        options.tell(spec, figures);
      }
    }
    return ExitCode.DONE.code();
  }

  private Figures time(
      StepSizes bench, Machine machine, Collectives ranks, int threads, double load) {
    NDManager manager = machine.manager();
    VisionLanguageModel model = Models.of(bench.model(), precision, machine.kernels());
    StageConfig one = BareStage.of(bench, precision);
    Parameters parameters = BenchStepCommand.drawn(manager, bench);
    ParameterGroups groups =
        ParameterGroups.of(one.requiredOptimizer(), parameters.names(), Long.MAX_VALUE);
    Optimizer optimizer = Optimizer.of(one.requiredOptimizer(), groups, machine.kernels());
    TrainState state =
        optimizer.prepared(
            manager, new TrainState(parameters, Map.of(), 0, 0, 0, "bench", 0), Storage.IN_MEMORY);
    TrainStep alone = new TrainStep(model, one, optimizer, Storage.IN_MEMORY, 0);
    TrainStep together =
        new TrainStep(
            model,
            BareStage.of(bench, precision, ranks.size()),
            optimizer,
            Storage.IN_MEMORY,
            new DataParallel(RankGrid.of(ranks, 0, false), Sharding.NONE, ReductionOrder.FASTEST),
            0);
    double[] ofOne = new double[steps];
    double[] ofAll = new double[steps];
    double[] between = new double[steps];
    try (NDManager inputs = manager.newSubManager()) {
      TrainingInput batch = BenchStepCommand.madeUp(inputs, bench);
      for (int i = -WARM_UP; i < steps; i++) {
        double seconds = ranks.isFirst() ? seconds(machine, alone, manager, state, batch) : 0;
        ranks.await();
        ranks.barrier();
        ranks.takeWaited();
        double all = seconds(machine, together, manager, state, batch);
        if (i >= 0) {
          ofOne[i] = seconds;
          ofAll[i] = all;
          between[i] = ranks.takeWaited().toNanos() / 1e9;
        }
      }
    }
    double a = BenchStepCommand.median(ofOne);
    double t = BenchStepCommand.median(ofAll);
    return new Figures(
        config,
        ranks.transport(),
        ranks.size(),
        threads,
        a,
        t,
        BenchStepCommand.median(between),
        a / t,
        load);
  }

  private static double seconds(
      Machine machine, TrainStep step, NDManager manager, TrainState state, TrainingInput batch) {
    machine.kernels().await();
    long began = System.nanoTime();
    step.run(manager, state, m -> new MicroBatch(batch, "made-up examples", 0, () -> {}));
    machine.kernels().await();
    return (System.nanoTime() - began) / 1e9;
  }

  private void print(Figures f) {
    options
        .table(spec)
        .println(
            String.format(
                Locale.ROOT,
                "%s, %d rank%s with %d thread%s, %s: a step of one alone %.3f s, of all together %.3f s, of which %.3f s between ranks; %.2f of %d times one rank (load before: %.1f)",
                f.config,
                f.ranks,
                f.ranks == 1 ? "" : "s",
                f.threads,
                f.threads == 1 ? "" : "s",
                f.transport,
                f.alone,
                f.together,
                f.exchanging,
                f.share,
                f.ranks,
                f.load));
  }
}
