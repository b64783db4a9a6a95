package dev.palimpsest.stages.preparation;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.playground.Playground;
import dev.palimpsest.mixtures.sources.ExampleSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What stands before a recipe's stages: drawn data and towers that it asks to be made, and the
 * files that its data is read from.
 */
public final class Preparation {
  private static final Logger log = LoggerFactory.getLogger(Preparation.class);
  private static final long WAIT_MILLIS = 100;

  private Preparation() {}

  /**
   * Makes what does not stand yet. Where another process is making it, of this run or of another
   * one that shares it, waits for that.
   *
   * @param manager arrays made on the way live in children of it and are gone on return
   */
  public static void make(NDManager manager, PipelineConfig recipe) {
    PrepareConfig prepare = recipe.prepare();
    if (prepare == null) {
      return;
    }
    PrepareConfig.Playground playground = prepare.playground();
    if (playground != null) {
      alone(Path.of(playground.out()), () -> Playground.write(playground));
    }
    PrepareConfig.Towers towers = prepare.towers();
    if (towers != null) {
      alone(Path.of(towers.out()), () -> Towers.write(manager, towers, recipe));
    }
  }

  /** Holds {@code .NAME.lock} beside a folder while it is made; the file stays, unlocked. */
  @SuppressWarnings("try") // the lock is used by being held
  static void alone(Path out, Runnable make) {
    Path folder = out.toAbsolutePath().normalize();
    Path file = folder.resolveSibling("." + folder.getFileName() + ".lock");
    try (FileChannel channel = channel(file);
        FileLock lock = lock(channel, folder)) {
      make.run();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot lock " + file, e);
    }
  }

  /** Null where nothing can be written: what stands there is taken, and nothing else made. */
  private static @Nullable FileChannel channel(Path file) {
    try {
      Files.createDirectories(Objects.requireNonNull(file.getParent(), "a folder has one"));
      return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      return null;
    }
  }

  private static @Nullable FileLock lock(@Nullable FileChannel channel, Path folder)
      throws IOException {
    boolean said = false;
    while (channel != null) {
      try {
        FileLock lock = channel.tryLock();
        if (lock != null) {
          return lock;
        }
      } catch (OverlappingFileLockException e) {
        log.debug("held in this process", e);
      }
      if (!said) {
        log.info("another process is preparing {}: waiting for it", folder);
        said = true;
      }
      try {
        Thread.sleep(WAIT_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    return null;
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
  public static List<Problem> missing(String task, SourceConfig source, TaskType type) {
    List<Problem> problems = new ArrayList<>();
    ExampleSource.missing(source)
        .forEach((key, message) -> problems.add(new Problem(task + ".source." + key, message)));
    if (type instanceof TaskType.Segment segment) {
      problems.addAll(missing(task + ".type.segment.vae", segment.vae()));
    }
    return problems;
  }

  /** The same for one file or folder; none where nothing is named. */
  public static List<Problem> missing(String key, @Nullable String file) {
    return file == null || Files.exists(Path.of(file))
        ? List.of()
        : List.of(
            new Problem(
                key, "no such file or folder: " + Path.of(file).toAbsolutePath().normalize()));
  }
}
