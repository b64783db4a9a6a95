package dev.palimpsest.stages.lineage;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.preparation.Decontamination;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Checks whether the data that a checkpoint was made from have changed. */
public final class RecordedData {
  private RecordedData() {}

  /**
   * What is missing or has changed in published files, tokenizer and training data, in words. Reads
   * the files that are available.
   *
   * @param run the run folder
   */
  public static List<String> problems(Lineage lineage, Path run) {
    List<String> problems = new ArrayList<>();
    for (Lineage.Ancestor ancestor : lineage.ancestors()) {
      if (ancestor.kind().equals(Lineage.Ancestor.PUBLISHED)) {
        Path file = run.resolve(ancestor.place());
        if (!Files.exists(file)) {
          problems.add(
              "the published %s is not available: %s".formatted(ancestor.name(), ancestor.place()));
        } else if (!ContentHash.of(file).equals(ancestor.id())) {
          problems.add("the published %s has changed: %s".formatted(ancestor.name(), file));
        }
      }
    }
    try {
      PipelineConfig recipe =
          Recipes.bind(
              lineage.recipeYaml(),
              "the recorded recipe",
              List.of(),
              Map.of("run", run.toString()));
      Optional<StageConfig> stage =
          recipe.stages().stream().filter(s -> s.name().equals(lineage.stage())).findFirst();
      Path tokenizer = Path.of(recipe.tokenizer().path());
      if (!Files.exists(tokenizer)) {
        problems.add("the tokenizer is not available: " + tokenizer);
      } else if (!ContentHash.of(tokenizer).equals(Lineage.hash(lineage.identity(), "tokenizer"))) {
        problems.add("the tokenizer has changed: " + tokenizer);
      } else if (stage.isPresent() && stage.get().examples() > 0) {
        mixture(lineage, recipe, run, stage.get(), Tokenizer.load(tokenizer), problems);
      }
    } catch (InvalidConfigException e) {
      problems.add("this version cannot read the recorded recipe: " + e.getMessage());
    }
    return problems;
  }

  private static void mixture(
      Lineage lineage,
      PipelineConfig recipe,
      Path run,
      StageConfig stage,
      Tokenizer tokenizer,
      List<String> problems) {
    try (Mixture mixture =
        Mixture.open(
            recipe.seed(),
            lineage.order(),
            recipe.tasks(),
            stage,
            Decontamination.exclusions(recipe),
            tokenizer)) {
      if (!mixture.fingerprint().equals(Lineage.hash(lineage.identity(), "mixture"))) {
        lineage
            .data()
            .changesTo(TrainingData.of(mixture, recipe, run.toString()))
            .forEach(change -> problems.add("the training data have changed: " + change));
      }
    } catch (UncheckedIOException | IllegalArgumentException e) {
      problems.add("training data are not available: " + e.getMessage());
    }
  }
}
