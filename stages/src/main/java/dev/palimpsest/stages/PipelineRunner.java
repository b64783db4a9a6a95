package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.NativeMemory;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.folder.RunEnd;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.plan.DiskRoom;
import dev.palimpsest.stages.plan.Hardware;
import dev.palimpsest.stages.plan.Plan;
import dev.palimpsest.stages.plan.PlanText;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.preparation.Epochs;
import dev.palimpsest.stages.preparation.Preparation;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.step.Divisible;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.Run;
import dev.palimpsest.stages.training.StopRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a recipe: prepares what it asks for, then runs its stages in order. Started again on the
 * same folder, it reuses finished stages and resumes the unfinished one.
 */
public final class PipelineRunner {
  private static final Logger log = LoggerFactory.getLogger(PipelineRunner.class);

  private final NDManager manager;
  private final Kernels kernels;
  private final Progress progress;
  private final StopRequest stop;
  private final Collectives ranks;
  private final Function<Precision, Peak> peaks;
  private @Nullable Ranks others;

  /** The runner of a process by itself, on a device whose peak is unknown. */
  public PipelineRunner(NDManager manager, Kernels kernels, Progress progress, StopRequest stop) {
    this(manager, kernels, progress, stop, Collectives.alone(), precision -> Peak.UNKNOWN);
  }

  /**
   * Creates a runner.
   *
   * @param manager the run's manager
   * @param stop checked after each step, suite and stage
   * @param ranks this process and the others that train with it
   * @param peaks what the device can do at most; asked when a stage begins to train, and before
   *     that where memory will be short
   */
  public PipelineRunner(
      NDManager manager,
      Kernels kernels,
      Progress progress,
      StopRequest stop,
      Collectives ranks,
      Function<Precision, Peak> peaks) {
    this.ranks = ranks;
    this.manager = manager;
    this.kernels = kernels;
    this.progress = progress;
    this.stop = stop;
    this.peaks = peaks;
  }

  /**
   * Has the other ranks end as well after {@link #run}, in whatever way that ended.
   *
   * @return false if they are in the middle of a stage, where they end in the same way by
   *     themselves, or cannot go on without this rank
   */
  public boolean end(int exitCode) {
    return others != null && others.end(exitCode);
  }

  /**
   * Takes part in a run whose first rank calls {@link #run}: trains its stages with it, and writes
   * nothing.
   *
   * @return the run's exit code, as the first rank knows it
   * @throws DivergenceException when training diverged
   * @throws StoppedException when any rank was asked to stop
   */
  public int follow(PipelineConfig recipe, RunFolder folder) {
    return new Follower(
            new Run(recipe, folder, kernels, progress, stop), DataParallel.of(ranks, recipe))
        .run(manager);
  }

  /**
   * Runs all stages.
   *
   * @param environment facts about machine and software, kept in the run folder
   * @return results in recipe order
   * @throws InvalidConfigException when the recipe does not fit its data or the contents of the
   *     folder
   * @throws ContaminatedException when too many training examples occur in the evaluation
   * @throws DivergenceException when training diverged
   * @throws StoppedException when the run was asked to stop; the same call resumes it
   * @throws RunFolderInUseException when another run holds the folder
   */
  public List<StageResult> run(
      PipelineConfig recipe, RunFolder folder, Map<String, Object> environment) {
    return run(recipe, folder, environment, Set.of(), null, null);
  }

  /**
   * The same, but uses what the folder contains of some stages although it was made with other
   * settings or data, and may end early. The lineage of those stages records that.
   *
   * @param acceptChanges names of those stages
   * @param until the last stage to run; null for the recipe's last one
   * @param shared a folder that names finished stages of several runs: a stage that another run
   *     with this folder has finished is taken over instead of trained; null for none
   */
  @SuppressWarnings("try") // the lock is used by being held
  public List<StageResult> run(
      PipelineConfig recipe,
      RunFolder folder,
      Map<String, Object> environment,
      Set<String> acceptChanges,
      @Nullable String until,
      @Nullable Path shared) {
    Ranks group = new Ranks(DataParallel.of(ranks, recipe));
    others = group;
    requireStages(recipe, "--accept-changes", acceptChanges);
    requireStages(recipe, "--until", until == null ? Set.of() : Set.of(until));
    requireDivisible(recipe, folder);
    try (FolderLock lock = folder.lock()) {
      return runLocked(
          group, recipe, folder, environment, acceptChanges, until, new SharedStages(shared));
    }
  }

  private List<StageResult> runLocked(
      Ranks group,
      PipelineConfig written,
      RunFolder folder,
      Map<String, Object> environment,
      Set<String> acceptChanges,
      @Nullable String until,
      SharedStages shared) {
    RunEnd.forget(folder);
    if (written.stages().stream().anyMatch(stage -> stage.storage().usesDisk())) {
      // Measured while memory is free: products that wait for it are five times as slow.
      written.stages().stream()
          .filter(StageConfig::trains)
          .map(StageConfig::precision)
          .distinct()
          .forEach(precision -> log.debug("peak: {}", peaks.apply(precision)));
      // From here on, while stages are scored as well.
      NativeMemory.returnFreed();
    }
    progress.turnTo(Activity.START);
    PlanText.of(written, Hardware.UNKNOWN).forEach(log::info);
    Preparation.make(manager, written, progress);
    Path tokenizerFile = Path.of(written.tokenizer().path());
    requireWhatIsNamed(written);
    Tokenizer tokenizer = Tokenizer.load(tokenizerFile);
    requireVocabulary(written, tokenizer);
    PipelineConfig recipe = Epochs.resolved(written, tokenizer);
    List<String> plan = PlanText.of(recipe, Hardware.UNKNOWN);
    sayIfDiskIsShort(recipe, folder, until);
    Decontamination.gate(recipe, folder, tokenizer);
    String tokenizerHash = ContentHash.of(tokenizerFile);
    AtomicBoolean described = new AtomicBoolean();
    Runnable describe =
        () -> {
          if (described.compareAndSet(false, true)) {
            Path root = folder.root();
            RunFolder.writeText(root.resolve("plan.txt"), String.join("\n", plan) + "\n");
            RunFolder.writeText(root.resolve("recipe.yaml"), ConfigYaml.write(recipe));
            RunFolder.writeJson(root.resolve("environment.json"), environment);
          }
        };
    Run run = new Run(recipe, folder, kernels, progress, stop);
    Map<String, StageResult> finished = new LinkedHashMap<>();
    for (StageConfig stage : recipe.stages()) {
      stop.obey("before " + stage.name());
      log.info("{}: begins", stage.name());
      StageRunner runner =
          new StageRunner(
              run,
              stage,
              tokenizer,
              group,
              peaks,
              environment,
              acceptChanges.contains(stage.name()),
              shared);
      StageResult result = runner.run(manager, tokenizerHash, finished, describe);
      finished.put(stage.name(), result);
      List<GateVerdict> verdicts = Gates.judge(stage, result, finished);
      Gates.record(folder, stage.name(), verdicts);
      verdicts.forEach(verdict -> log.info("{}: {}", stage.name(), verdict.reason()));
      if (!verdicts.stream().allMatch(GateVerdict::holds)) {
        throw new GateClosedException(stage.name(), verdicts, List.copyOf(finished.values()));
      }
      if (stage.name().equals(until)) {
        break;
      }
    }
    describe.run();
    return List.copyOf(finished.values());
  }

  /** Before days of training end in a checkpoint for which there is no room. */
  private static void sayIfDiskIsShort(
      PipelineConfig recipe, RunFolder folder, @Nullable String until) {
    Plan whole = Plan.of(recipe, Hardware.UNKNOWN, stage -> Optional.empty());
    Plan plan = until == null ? whole : whole.until(until);
    try {
      long free = Files.getFileStore(folder.root()).getUsableSpace();
      DiskRoom.shortage(plan, folder, free).ifPresent(log::warn);
    } catch (IOException e) {
      log.debug("cannot tell the free space of {}", folder.root(), e);
    }
  }

  /** Now, and not when a stage begins after days of others. */
  private void requireDivisible(PipelineConfig recipe, RunFolder folder) {
    List<Problem> problems =
        Divisible.problems(recipe, stage -> !folder.isFinished(stage.name()), ranks.size());
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  /**
   * Checks that an option names stages of the recipe.
   *
   * @throws InvalidConfigException if it does not
   */
  public static void requireStages(PipelineConfig recipe, String option, Set<String> names) {
    List<String> known = recipe.stages().stream().map(StageConfig::name).toList();
    List<Problem> problems =
        names.stream()
            .filter(name -> !known.contains(name))
            .map(
                name ->
                    new Problem(
                        option,
                        "'%s' is not a stage of this recipe%s"
                            .formatted(name, Suggestion.among(name, known))))
            .toList();
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  /**
   * Checks that every file, benchmark and metric that the recipe names exists, and reports all
   * missing ones at once.
   */
  private static void requireWhatIsNamed(PipelineConfig recipe) {
    List<Problem> problems = new ArrayList<>(Preparation.missing(recipe, recipe.tasks().keySet()));
    recipe
        .suites()
        .forEach(
            (suite, config) ->
                config
                    .tasks()
                    .forEach(
                        (name, task) ->
                            requireFiles(problems, "suites." + suite + ".tasks." + name, task)));
    problems.addAll(Gates.problems(recipe));
    for (int i = 0; i < recipe.stages().size(); i++) {
      if (recipe.stages().get(i).image().jpeg() == Jpeg.FAST && !TurboJpeg.isFound()) {
        problems.add(new Problem("stages[" + i + "].image.jpeg", TurboJpeg.ABSENT));
      }
      String at = "stages[" + i + "].init";
      recipe
          .stages()
          .get(i)
          .init()
          .match(
              p -> {
                require(problems, at + ".vision", p.vision());
                require(problems, at + ".language", p.language());
                return require(problems, at + ".model", p.model());
              },
              s -> problems,
              c -> require(problems, at + ".checkpoint", c.path()));
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private static void requireFiles(List<Problem> problems, String at, SuiteTaskConfig task) {
    SourceConfig source = task.source();
    if (source != null) {
      problems.addAll(Preparation.missing(at, source, task.type()));
    }
    String benchmark = task.benchmark();
    if (benchmark != null) {
      try {
        BenchmarkConfig found = Benchmarks.find(benchmark);
        new BenchmarkReader(found, Path.of(Objects.requireNonNull(task.dataDir()))).data();
        if (found.image().jpeg() == Jpeg.FAST && !TurboJpeg.isFound()) {
          problems.add(new Problem(at + ".benchmark", TurboJpeg.ABSENT));
        }
      } catch (BenchmarkFormatException e) {
        problems.add(new Problem(at + ".dataDir", String.valueOf(e.getMessage())));
      } catch (InvalidConfigException e) {
        e.problems().forEach(problem -> problems.add(problem.under(at + ".benchmark")));
      }
    }
    Benchmarks.unknownMetrics(task.metrics())
        .forEach(mistake -> problems.add(new Problem(at + ".metrics", mistake)));
  }

  private static List<Problem> require(List<Problem> problems, String key, @Nullable String file) {
    problems.addAll(Preparation.missing(key, file));
    return problems;
  }

  private static void requireVocabulary(PipelineConfig recipe, Tokenizer tokenizer) {
    int rows = recipe.model().language().vocabulary();
    if (tokenizer.vocabularySize() > rows) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "model.language.vocabulary",
                  "must hold every id of the tokenizer: %s has %d pieces, got %d rows"
                      .formatted(recipe.tokenizer().path(), tokenizer.vocabularySize(), rows))));
    }
  }
}
