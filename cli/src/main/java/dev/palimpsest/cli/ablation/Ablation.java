package dev.palimpsest.cli.ablation;

import dev.palimpsest.configs.AblationConfig;
import dev.palimpsest.configs.AblationConfig.Scale;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * An ablation at one of its sizes.
 *
 * @param config its file
 * @param scale the size
 * @param choice what the command chose of it; {@code scale} and {@code out} are never absent
 * @param trials its runs: the first seed of every variant, then the second of every variant, ...
 */
record Ablation(AblationConfig config, Scale scale, Choice choice, List<Trial> trials) {
  /** What every task with a source is scored by. */
  private static final Set<String> ALWAYS =
      Set.of("exact_match", "token_accuracy", "loss", "perplexity");

  /**
   * What a command chooses of a file.
   *
   * @param scale name of a size; absent: the first
   * @param sets overrides for all variants, after the size's and before the variants' own
   * @param seeds in place of the file's; empty: the file's
   * @param out the folder of all runs; absent: one with the ablation's name
   * @param share the folder that names finished stages; absent: one in {@code out}
   */
  record Choice(
      @Nullable String scale,
      List<String> sets,
      List<Long> seeds,
      @Nullable Path out,
      @Nullable Path share) {
    /** Everything as the file has it. */
    static final Choice NONE = new Choice(null, List.of(), List.of(), null, null);

    Choice at(@Nullable String other) {
      return new Choice(other, sets, seeds, out, share);
    }

    Choice in(Path folder) {
      return new Choice(scale, sets, seeds, folder, share);
    }
  }

  /**
   * One run.
   *
   * @param folder its run folder
   * @param sets overrides of the recipe
   * @param recipe as it is run
   */
  record Trial(String variant, long seed, Path folder, List<String> sets, PipelineConfig recipe) {
    /** For people. */
    String words() {
      return variant + ", seed " + seed;
    }
  }

  /**
   * Reads a file and binds the recipe of every run.
   *
   * @throws InvalidConfigException with every mistake of the file and of its variants
   */
  static Ablation read(Path file, Choice choice) {
    AblationConfig config = Recipes.bindAblation(file);
    String name =
        choice.scale() == null ? config.scales().keySet().iterator().next() : choice.scale();
    Scale written = config.scales().get(name);
    if (written == null) {
      throw mistake(
          "--scale",
          "'%s' is not one of the sizes of %s%s"
              .formatted(name, file, Suggestion.among(name, config.scales().keySet())));
    }
    if (!choice.seeds().isEmpty()) {
      config = config.withSeeds(choice.seeds());
    }
    Scale scale = written.with(choice.sets());
    Path folder =
        (choice.out() == null ? Path.of("runs", "ablations", config.name(), name) : choice.out())
            .toAbsolutePath()
            .normalize();
    List<String> first = new ArrayList<>();
    Recipes.stageNames(Path.of(scale.recipe()))
        .forEach(stage -> first.add("stages[%s].export.formats=[]".formatted(stage)));
    List<Trial> trials = new ArrayList<>();
    Map<Problem, Set<String>> problems = new LinkedHashMap<>();
    for (long seed : config.seeds()) {
      for (String variant : config.variants().keySet()) {
        Path run = folder.resolve("runs").resolve(variant).resolve("seed-" + seed);
        List<String> sets = new ArrayList<>(first);
        sets.addAll(config.sets(scale, variant, seed));
        try {
          PipelineConfig recipe =
              Recipes.bind(Path.of(scale.recipe()), sets, Map.of("run", run.toString()));
          require(scale, name, recipe);
          trials.add(new Trial(variant, seed, run, List.copyOf(sets), recipe));
        } catch (InvalidConfigException e) {
          e.problems()
              .forEach(
                  problem ->
                      problems
                          .computeIfAbsent(problem, mistake -> new LinkedHashSet<>())
                          .add(variant));
        }
      }
    }
    if (!problems.isEmpty()) {
      int all = config.variants().size();
      throw new InvalidConfigException(
          problems.entrySet().stream()
              .map(one -> named(one.getKey(), one.getValue(), all))
              .toList());
    }
    return new Ablation(config, scale, choice.at(name).in(folder), List.copyOf(trials));
  }

  /** A mistake with the variants that have it, unless all have. */
  private static Problem named(Problem problem, Set<String> variants, int all) {
    return variants.size() == all
        ? problem
        : new Problem(
            "variant %s: %s".formatted(String.join(", ", variants), problem.path()),
            problem.message(),
            problem.place());
  }

  /** Checks that what is compared will be there. */
  private static void require(Scale scale, String name, PipelineConfig recipe) {
    String at = "scales." + name + ".";
    List<String> names = recipe.stages().stream().map(StageConfig::name).toList();
    if (!names.contains(scale.stage())) {
      throw mistake(
          at + "stage",
          "'%s' is not a stage of %s%s"
              .formatted(scale.stage(), scale.recipe(), Suggestion.among(scale.stage(), names)));
    }
    StageConfig stage = recipe.stages().get(names.indexOf(scale.stage()));
    if (!stage.evaluate().suites().contains(scale.suite()) || !stage.evaluate().after()) {
      throw mistake(
          at + "suite",
          "'%s' is not a suite that stage %s is scored on at its end%s"
              .formatted(
                  scale.suite(),
                  scale.stage(),
                  Suggestion.among(scale.suite(), stage.evaluate().suites())));
    }
    SuiteConfig suite = Objects.requireNonNull(recipe.suites().get(scale.suite()));
    if (scale.task() != null && !suite.tasks().containsKey(scale.task())) {
      throw mistake(
          at + "task",
          "'%s' is not a task of suite %s%s"
              .formatted(
                  scale.task(),
                  scale.suite(),
                  Suggestion.among(scale.task(), suite.tasks().keySet())));
    }
    suite
        .tasks()
        .forEach(
            (task, config) -> {
              if (scale.task() == null || scale.task().equals(task)) {
                requireMetric(scale, at + "metric", task, config);
              }
            });
  }

  /** A benchmark's own metrics are only known when it is scored. */
  private static void requireMetric(Scale scale, String at, String task, SuiteTaskConfig config) {
    String metric = scale.metric();
    if (metric == null || config.benchmark() != null || ALWAYS.contains(metric)) {
      return;
    }
    if (config.metrics().stream()
        .noneMatch(has -> has.equals(metric) || has.startsWith(metric + ":"))) {
      Set<String> known = new TreeSet<>(ALWAYS);
      known.addAll(config.metrics());
      throw mistake(
          at,
          "'%s' is not what task %s of suite %s is scored by%s"
              .formatted(metric, task, scale.suite(), Suggestion.among(metric, known)));
    }
  }

  private static InvalidConfigException mistake(String path, String message) {
    return new InvalidConfigException(List.of(new Problem(path, message)));
  }

  /** Name of the size. */
  String scaleName() {
    return Objects.requireNonNull(choice.scale());
  }

  /** The folder of all runs. */
  Path out() {
    return Objects.requireNonNull(choice.out());
  }

  /** The folder that names finished stages. */
  Path shared() {
    return Objects.requireNonNullElse(choice.share(), out().resolve("stages")).toAbsolutePath();
  }

  /** Where the output of runs is kept. */
  Path logs() {
    return out().resolve("logs");
  }

  /** Where a run's output is kept. */
  Path log(Trial trial) {
    return logs().resolve("%s.seed-%d.log".formatted(trial.variant(), trial.seed()));
  }
}
