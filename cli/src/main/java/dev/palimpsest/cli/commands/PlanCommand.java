package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.reports.PaperTable;
import dev.palimpsest.cli.reports.PlanTable;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.RanksConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.plan.Accelerator;
import dev.palimpsest.stages.plan.Calibration;
import dev.palimpsest.stages.plan.Hardware;
import dev.palimpsest.stages.plan.PaperFact;
import dev.palimpsest.stages.plan.PaperFacts;
import dev.palimpsest.stages.plan.Plan;
import dev.palimpsest.stages.plan.PlanCheck;
import dev.palimpsest.stages.plan.Sample;
import dev.palimpsest.stages.plan.Sharding;
import dev.palimpsest.stages.plan.StagePlan;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.preparation.Epochs;
import dev.palimpsest.stages.preparation.Preparation;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest plan}: what a recipe will cost. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    description = {
      "Says what each stage of a recipe will cost before it is run: operations, memory, disk, time, money.",
      "Nothing is computed, downloaded or prepared. Tokens that are not padding are counted if the data is available."
    })
public final class PlanCommand implements Callable<Integer> {
  private static final int MOST_SAMPLES = 1_000_000;

  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "The devices to plan for: h100, h100-pcie, h100-nvl, h200, h200-nvl, gh200, a100, l40s, l4, rtx-4090."
              + " Without it, no times are given.")
  @Nullable String device;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "1",
      description = "Number of devices. Default: 1.")
  int count;

  @Option(
      names = "--mfu",
      paramLabel = "SHARE",
      defaultValue = "0.4",
      description =
          "Share of their peak that training reaches, recomputation not counted. Default: 0.4.")
  double mfu;

  @Option(
      names = "--teraflops",
      paramLabel = "N",
      description =
          "The peak of a device that is not in the list, in TFLOP/s at the recipe's precision.")
  @Nullable Double teraflops;

  @Option(
      names = "--memory",
      paramLabel = "GIB",
      description = "The memory of a device that is not in the list, in GiB.")
  @Nullable Double memory;

  @Option(
      names = "--sharding",
      paramLabel = "HOW",
      description =
          "How parameters, gradients and moments are divided among devices: replicated, zero1, zero2 or zero3."
              + " Default: as the recipe's ranks.sharding says.")
  @Nullable Sharding sharding;

  @Option(
      names = "--price",
      paramLabel = "MONEY",
      defaultValue = "0",
      description = "Price of an hour of one device.")
  double price;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "2048",
      description = "Examples of each stage whose tokens are counted. Default: ${DEFAULT-VALUE}.")
  int samples;

  @Option(
      names = "--paper",
      description =
          "Instead, shows each setting beside that of the PaliGemma papers: published, ours where they give none, or different.")
  boolean paper;

  @Option(
      names = "--check",
      description = {
        "Takes the folder of a finished run instead of a recipe, and compares its memory and time with the plan.",
        "The speed of this machine is measured with a few steps of each stage. Ends with 1 if memory is off by more than 10 %% or time by more than 15 %%."
      })
  boolean check;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "10",
      description =
          "With --check: steps of each stage that are timed at least; short steps are timed for six seconds. Default: ${DEFAULT-VALUE}.")
  int steps;

  @Option(names = "--json", description = "Prints JSON.")
  boolean json;

  @Override
  public Integer call() {
    require("--steps", steps, 1, 10_000);
    if (check) {
      return check(recipe.recipe);
    }
    if (samples < 0 || samples > MOST_SAMPLES) {
      throw new UserMistake("--samples must be 0 to %,d, got %,d".formatted(MOST_SAMPLES, samples));
    }
    PipelineConfig written = recipe.bind();
    Hardware hardware = hardware(written.ranks());
    List<Problem> missing = missing(written);
    PipelineConfig config =
        missing.isEmpty() && Epochs.isAskedFor(written)
            ? Epochs.resolved(written, Tokenizer.load(Path.of(written.tokenizer().path())))
            : written;
    PrintWriter out = spec.commandLine().getOut();
    if (paper) {
      List<PaperFact> facts = PaperFacts.of(config);
      if (json) {
        out.println(Json.indented(facts));
      } else {
        PaperTable.of(facts).forEach(out::println);
      }
      return ExitCode.DONE.code();
    }
    Plan plan =
        Plan.of(
            config,
            hardware,
            stage ->
                stage.examples() == 0 || samples == 0 || !missing.isEmpty()
                    ? Optional.empty()
                    : sample(config, stage));
    if (json) {
      out.println(Json.indented(plan));
      return ExitCode.DONE.code();
    }
    PlanTable.of(plan).forEach(out::println);
    if (Epochs.isAskedFor(config)) {
      out.println(
          "stages with 'epochs' are left out: how many examples they have follows from the data");
    }
    if (!missing.isEmpty() && config.stages().stream().anyMatch(StageConfig::trains)) {
      out.println(
          "real tokens are unknown: %d of the files that the recipe reads are not there (%s); 'mixture' prepares what the recipe draws"
              .formatted(missing.size(), missing.get(0)));
    }
    return ExitCode.DONE.code();
  }

  private static List<Problem> missing(PipelineConfig config) {
    return Preparation.missing(
        config,
        config.stages().stream()
            .flatMap(stage -> stage.weightedTasks().stream())
            .collect(Collectors.toSet()));
  }

  private Optional<Sample> sample(PipelineConfig config, StageConfig stage) {
    Tokenizer tokenizer = Tokenizer.load(Path.of(config.tokenizer().path()));
    StageOrigin origin = StageOrigin.of(config, stage);
    try (Mixture mixture = open(config, stage, origin, tokenizer)) {
      return Sample.of(stage, mixture, tokenizer, origin.position(), samples);
    }
  }

  // ---- Checking a run

  private Integer check(Path run) {
    if (!Files.isRegularFile(run.resolve("recipe.yaml"))) {
      throw new UserMistake(run + " is not the folder of a run: there is no recipe.yaml in it");
    }
    PipelineConfig config =
        Recipes.bind(
            run.resolve("recipe.yaml"),
            List.of(),
            Map.of("run", run.toAbsolutePath().normalize().toString()));
    List<Problem> missing = missing(config);
    if (!missing.isEmpty()) {
      throw new InvalidConfigException(missing);
    }
    List<PlanCheck> checks = new ArrayList<>();
    try (Machine machine = Machine.open("cpu", config.computeThreads())) {
      for (StageConfig stage : config.stages()) {
        Path folder = run.resolve(stage.name());
        if (stage.examples() > 0 && Files.isRegularFile(folder.resolve("stage.json"))) {
          checks.add(check(config, stage, folder.resolve("metrics.jsonl"), machine));
        }
      }
    }
    if (checks.isEmpty()) {
      throw new UserMistake(run + " has no stage that has been trained to its end");
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.indented(checks));
    } else {
      PlanTable.of(checks).forEach(out::println);
    }
    return ExitCode.check(checks.stream().allMatch(PlanCheck::holds));
  }

  private PlanCheck check(PipelineConfig config, StageConfig stage, Path metrics, Machine machine) {
    Tokenizer tokenizer = Tokenizer.load(Path.of(config.tokenizer().path()));
    StageOrigin origin = StageOrigin.of(config, stage);
    try (Mixture mixture = open(config, stage, origin, tokenizer)) {
      double seconds =
          Calibration.secondsAStep(
              machine.manager(),
              machine.kernels(),
              config,
              stage,
              mixture,
              origin.position(),
              steps,
              metrics.resolveSibling("calibration"));
      Optional<Sample> sample = Sample.of(stage, mixture, tokenizer, origin.position(), samples);
      return PlanCheck.of(
          StagePlan.of(stage, config.model(), Hardware.UNKNOWN, sample), metrics, seconds);
    }
  }

  private static Mixture open(
      PipelineConfig config, StageConfig stage, StageOrigin origin, Tokenizer tokenizer) {
    return Mixture.open(
        config.seed(),
        origin.order(),
        config.tasks(),
        stage,
        Decontamination.exclusions(config),
        tokenizer);
  }

  // ---- Options

  private Hardware hardware(RanksConfig ranks) {
    require("--count", count, 1, 1_000_000);
    require("--mfu", mfu, 0.0001, 1);
    require("--price", price, 0, 1e9);
    if (teraflops != null) {
      require("--teraflops", teraflops, 1e-6, 1e9);
    }
    if (memory != null) {
      require("--memory", memory, 0.001, 1e6);
    }
    Optional<Accelerator> known = device == null ? Optional.empty() : Accelerator.named(device);
    if (device != null && known.isEmpty() && (teraflops == null || memory == null)) {
      throw new UserMistake(
          "--device '%s' is not a device whose peak is known here; give --teraflops and --memory as well for it%s"
              .formatted(device, Suggestion.among(device, Accelerator.names())));
    }
    double bf16 = known.map(Accelerator::bf16).orElse(0.0);
    double f32 = known.map(Accelerator::f32).orElse(0.0);
    return new Hardware(
        device == null ? "device" : device,
        count,
        (long)
            ((memory == null ? known.map(Accelerator::gibibytes).orElse(0) : memory) * (1L << 30)),
        new Hardware.Peak(
            1e12 * (teraflops == null ? bf16 : teraflops),
            1e12 * (teraflops == null ? f32 : teraflops)),
        mfu,
        sharding == null ? Sharding.of(ranks.sharding()) : sharding,
        price);
  }

  private static void require(String option, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new UserMistake(
          "%s must be from %s to %s, got %s"
              .formatted(option, brief(least), brief(most), brief(value)));
    }
  }

  private static String brief(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
