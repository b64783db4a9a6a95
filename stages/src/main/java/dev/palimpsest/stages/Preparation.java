package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.PrepareConfig;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.configs.TaskType;
import dev.palimpsest.mixtures.ExampleSource;
import dev.palimpsest.mixtures.playground.Playground;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What stands before a recipe's stages: drawn data and towers that it asks to be made, and the
 * files that its data is read from.
 */
public final class Preparation {
  private Preparation() {}

  /**
   * Makes what does not stand yet.
   *
   * @param manager arrays made on the way live in children of it and are gone on return
   */
  public static void make(NDManager manager, PipelineConfig recipe) {
    PrepareConfig prepare = recipe.prepare();
    if (prepare == null) {
      return;
    }
    if (prepare.playground() != null) {
      Playground.write(prepare.playground());
    }
    if (prepare.towers() != null) {
      Towers.write(manager, prepare.towers(), recipe);
    }
  }

  /**
   * Files of the data that are not there, all at once: the tokenizer's, the exclusions', those that
   * tasks read.
   *
   * @param tasks names of the tasks that matter
   */
  public static List<Problem> missing(PipelineConfig recipe, Collection<String> tasks) {
    List<Problem> problems = new ArrayList<>();
    problems.addAll(missing("tokenizer.path", recipe.tokenizer().path()));
    problems.addAll(missing("exclude", recipe.exclude()));
    recipe
        .tasks()
        .forEach(
            (name, task) -> {
              if (tasks.contains(name)) {
                problems.addAll(missing("tasks." + name, task.source(), task.type()));
              }
            });
    return problems;
  }

  /** The same for one task, of a mixture or of a suite. */
  static List<Problem> missing(String task, SourceConfig source, TaskType type) {
    List<Problem> problems = new ArrayList<>();
    ExampleSource.missing(source)
        .forEach((key, message) -> problems.add(new Problem(task + ".source." + key, message)));
    if (type instanceof TaskType.Segment segment) {
      problems.addAll(missing(task + ".type.segment.vae", segment.vae()));
    }
    return problems;
  }

  /** The same for one file or folder; none where nothing is named. */
  static List<Problem> missing(String key, @Nullable String file) {
    return file == null || Files.exists(Path.of(file))
        ? List.of()
        : List.of(
            new Problem(
                key, "no such file or folder: " + Path.of(file).toAbsolutePath().normalize()));
  }
}
