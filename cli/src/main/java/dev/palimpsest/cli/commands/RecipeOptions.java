package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.preparation.Preparation;
import dev.palimpsest.stages.training.Progress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The recipe of a command, with the same options everywhere. */
public final class RecipeOptions {
  @Parameters(index = "0", paramLabel = "RECIPE", description = "The recipe, a YAML file.")
  Path recipe;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "The run folder. Default: runs/NAME in the working directory, where NAME is the recipe's name.")
  @Nullable Path out;

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      description = {
        "Replaces one value of the recipe. May be given several times.",
        "Example: --set stages.stage1.optimizer.learningRate=1e-4"
      })
  List<String> sets = List.of();

  /** The recipe's file. */
  public Path recipe() {
    return recipe;
  }

  /** The values that are replaced, as they were given. */
  public List<String> sets() {
    return sets;
  }

  /** The run folder, which need not exist. */
  public Path folder() {
    return folder(Path.of("runs"));
  }

  /**
   * The run folder, if others are beside it.
   *
   * @param runs the folder of run folders, for those without {@code --out}
   */
  public Path folder(Path runs) {
    return out != null ? out : runs.resolve(bind(runs).name());
  }

  /**
   * The recipe, bound.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException with every mistake found
   */
  public PipelineConfig bind() {
    return bind(folder());
  }

  /** The same for a run folder that may be on another machine. */
  public PipelineConfig bind(Path folder) {
    return Recipes.bind(
        recipe, sets, Map.of("run", folder.toAbsolutePath().normalize().toString()));
  }

  /**
   * Prepares what the recipe asks for and does not exist yet (drawn data, and towers with the mask
   * codec that tasks may need), and reads the tokenizer.
   *
   * @param stages the stages whose data is to be read
   * @throws InvalidConfigException when files are missing, with all of them
   */
  Tokenizer data(PipelineConfig config, List<StageConfig> stages) {
    try (NDManager manager = Machine.hostMemory()) {
      Preparation.make(manager, config, Progress.NONE);
    }
    Set<String> tasks =
        stages.stream()
            .flatMap(stage -> stage.weightedTasks().stream())
            .collect(Collectors.toSet());
    List<Problem> missing = Preparation.missing(config, tasks);
    if (!missing.isEmpty()) {
      throw new InvalidConfigException(missing);
    }
    return Tokenizer.load(Path.of(config.tokenizer().path()));
  }
}
