package dev.palimpsest.stages.preparation;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.LocalPaths;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.mixtures.playground.Playground;
import dev.palimpsest.mixtures.sources.ExampleSource;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares what a recipe's stages need: drawn data and towers that it asks for, and a check that
 * the files of its data exist.
 */
public final class Preparation {
  private static final Logger log = LoggerFactory.getLogger(Preparation.class);

  private Preparation() {}

  /**
   * Creates what does not exist yet. If another process is creating it, for this run or another one
   * that shares it, waits for that.
   *
   * @param manager arrays created here live in children of it and are freed on return
   */
  public static void make(NDManager manager, PipelineConfig recipe, LongWork progress) {
    PrepareConfig prepare = recipe.prepare();
    if (prepare == null) {
      return;
    }
    PrepareConfig.Playground playground = prepare.playground();
    if (playground != null) {
      alone(
          Path.of(playground.out()),
          () -> {
            long pictures = (long) playground.trainImages() + playground.heldOutImages();
            try (LongWork.Work work = progress.begin("preparing data", "pictures", pictures)) {
              Playground.write(playground, work::done);
            }
          });
    }
    PrepareConfig.Towers towers = prepare.towers();
    if (towers != null) {
      alone(Path.of(towers.out()), () -> Towers.write(manager, towers, recipe));
    }
    PrepareConfig.Fabricate fabricate = prepare.fabricate();
    if (fabricate != null) {
      alone(
          Path.of(fabricate.out()),
          () -> new Fabrication(fabricate, "prepare.fabricate.out").write(log::info));
    }
  }

  /**
   * Holds {@code .NAME.lock} beside a folder while it is created; the file stays, unlocked. If no
   * lock can be written, nothing can be created either, and what exists is used.
   */
  @SuppressWarnings("try") // the lock is used by being held
  static void alone(Path out, Runnable make) {
    Path folder = out.toAbsolutePath().normalize();
    Path file = folder.resolveSibling("." + folder.getFileName() + ".lock");
    try (@Nullable FolderLock lock = lock(file, folder)) {
      make.run();
    }
  }

  private static @Nullable FolderLock lock(Path file, Path folder) {
    try {
      return FolderLock.await(
          file, holder -> log.info("{} is being prepared by {}: waiting for it", folder, holder));
    } catch (UncheckedIOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw e;
      }
      log.debug("no lock", e);
      return null;
    }
  }

  /**
   * All missing files of the data: the tokenizer, the list of exclusions, and those that tasks
   * read.
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
  public static List<Problem> missing(String task, SourceConfig source, TaskType type) {
    List<Problem> problems = new ArrayList<>();
    ExampleSource.missing(source)
        .forEach((key, message) -> problems.add(new Problem(task + ".source." + key, message)));
    if (type instanceof TaskType.Segment segment) {
      problems.addAll(missing(task + ".type.segment.vae", segment.vae()));
    }
    return problems;
  }

  /** The same for one file or folder; empty if none is named. */
  public static List<Problem> missing(String key, @Nullable String file) {
    if (file == null || Files.exists(Path.of(file))) {
      return List.of();
    }
    String absent = "no such file or folder: " + Path.of(file).toAbsolutePath().normalize();
    return List.of(new Problem(key, LocalPaths.mistake(file).orElse(absent)));
  }
}
