package dev.palimpsest.stages;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The contents of a run folder, or of the folder of one of its stages. Every command that takes
 * such a folder uses this class, so that the folder means the same checkpoint for all of them.
 */
public final class RunContents {
  private RunContents() {}

  /**
   * The checkpoint that a folder means: itself if it is one, a stage's newest one, or for a run
   * that of the last stage, in the recipe's order, that has one.
   */
  public static Optional<Path> checkpoint(Path folder) {
    if (Files.isRegularFile(folder.resolve("manifest.json"))) {
      return Optional.of(folder);
    }
    Optional<Path> newest = newest(folder);
    List<Path> stages = newest.isPresent() ? List.of() : stages(folder);
    for (int i = stages.size() - 1; i >= 0 && newest.isEmpty(); i--) {
      newest = newest(stages.get(i));
    }
    return newest;
  }

  /** A stage's newest checkpoint whose files have the sizes of its manifest. */
  public static Optional<Path> newest(Path stage) {
    Path checkpoints = stage.resolve("checkpoints");
    return Files.isDirectory(checkpoints)
        ? new CheckpointStore(checkpoints).newest().map(TrainingCheckpoint::folder)
        : Optional.empty();
  }

  /** A stage's exports, by name. */
  public static List<Path> exports(Path stage) {
    return list(stage.resolve("export"));
  }

  /**
   * Folders of a run's stages that have checkpoints, in the recipe's order; those that the recipe
   * does not name come first, by name.
   */
  public static List<Path> stages(Path run) {
    List<Path> stages =
        new ArrayList<>(
            list(run).stream()
                .filter(folder -> Files.isDirectory(folder.resolve("checkpoints")))
                .toList());
    List<String> order = order(run, stages);
    stages.sort(
        Comparator.comparingInt(stage -> order.indexOf(String.valueOf(stage.getFileName()))));
    return stages;
  }

  /**
   * The order in the run's recipe or, if that is missing, in the recipe that a checkpoint contains.
   */
  private static List<String> order(Path run, List<Path> stages) {
    Path recipe = run.resolve("recipe.yaml");
    if (Files.isRegularFile(recipe)) {
      List<String> names = Recipes.stageNames(recipe);
      if (!names.isEmpty()) {
        return names;
      }
    }
    for (Path stage : stages) {
      Optional<Path> newest = newest(stage);
      if (newest.isPresent()) {
        StageFacts facts = StageFacts.of(CheckpointStore.peek(newest.get()));
        return Recipes.stageNames(facts.recipeYaml());
      }
    }
    return List.of();
  }

  private static List<Path> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(entry -> !String.valueOf(entry.getFileName()).startsWith("."))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }
}
