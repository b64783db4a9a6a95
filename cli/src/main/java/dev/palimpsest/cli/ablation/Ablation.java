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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An ablation at one of its sizes.
 *
 * @param config its file
 * @param scaleName name of the size
 * @param scale the size
 * @param out its folder
 * @param trials its runs: the first seed of every variant, then the second of every variant, ...
 */
record Ablation(
    AblationConfig config, String scaleName, Scale scale, Path out, List<Trial> trials) {
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
   * @param scaleName name of a size; null for the first
   * @param out the folder; null for one with the ablation's name
   * @throws InvalidConfigException with every mistake of the file and of its variants
   */
  static Ablation read(Path file, @Nullable String scaleName, @Nullable Path out) {
    AblationConfig config = Recipes.bindAblation(file);
    String name = scaleName == null ? config.scales().keySet().iterator().next() : scaleName;
    Scale scale = config.scales().get(name);
    if (scale == null) {
      throw mistake(
          "--scale",
          "'%s' is not one of the sizes of %s%s"
              .formatted(name, file, Suggestion.among(name, config.scales().keySet())));
    }
    Path folder =
        (out == null ? Path.of("runs", "ablations", config.name(), name) : out)
            .toAbsolutePath()
            .normalize();
    List<String> first = new ArrayList<>();
    Recipes.stageNames(Path.of(scale.recipe()))
        .forEach(stage -> first.add("stages[%s].export.formats=[]".formatted(stage)));
    List<Trial> trials = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    Set<String> known = new LinkedHashSet<>();
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
          for (Problem problem : e.problems()) {
            if (known.add(variant + problem)) {
              problems.add(
                  new Problem(
                      "variant %s: %s".formatted(variant, problem.path()),
                      problem.message(),
                      problem.place()));
            }
          }
        }
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return new Ablation(config, name, scale, folder, List.copyOf(trials));
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
  }

  private static InvalidConfigException mistake(String path, String message) {
    return new InvalidConfigException(List.of(new Problem(path, message)));
  }

  /** The folder that names finished stages. */
  Path shared() {
    return out.resolve("stages");
  }

  /** Where a run's output is kept. */
  Path log(Trial trial) {
    return out.resolve("logs").resolve("%s.seed-%d.log".formatted(trial.variant(), trial.seed()));
  }
}
