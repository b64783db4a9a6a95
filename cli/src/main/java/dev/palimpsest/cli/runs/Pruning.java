package dev.palimpsest.cli.runs;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.files.FolderSize;
import dev.palimpsest.stages.RunContents;
import dev.palimpsest.stages.lineage.Lineage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What of a run can be removed without loss of what resumes, reproduces or explains it: older
 * checkpoints of a stage whose newest one is intact, states before objected steps, and, if asked
 * for, exports, which a checkpoint can be written as again.
 *
 * <p>Kept in any case: each stage's newest checkpoint, which a resumed run and later stages read,
 * every checkpoint that a run beside this one was made from, and all of a stage whose recipe keeps
 * the best one.
 */
public final class Pruning {
  private Pruning() {}

  /**
   * Something that can be removed.
   *
   * @param what for people
   */
  public record Removable(Path place, String what, long bytes) {}

  /**
   * Looks at a run.
   *
   * @param exports whether exports are among it
   * @throws UserMistake when a process works on the run
   */
  public static List<Removable> of(Path folder, boolean exports) {
    RunData data = RunData.read(folder);
    Path run = data.root();
    Set<String> keepBest =
        data.recipe().stages().stream()
            .filter(stage -> stage.checkpoint().best() != null)
            .map(StageConfig::name)
            .collect(Collectors.toSet());
    Path lock = run.resolve("run.lock");
    if (FolderLock.isHeld(lock)) {
      throw new UserMistake(
          run + " is in use by " + FolderLock.holder(lock) + "; stop it first, or wait");
    }
    Set<Path> needed = neededByOthers(run);
    List<Removable> found = new ArrayList<>();
    for (Path stage : RunContents.stages(run)) {
      if (!keepBest.contains(String.valueOf(stage.getFileName()))) {
        older(stage, needed, found);
      }
      inside(stage.resolve("capsules"), "state before a step that the guard objected to", found);
      if (exports) {
        for (Path export : RunContents.exports(stage)) {
          add(export, "export of the checkpoint that stays", found);
        }
      }
    }
    return found;
  }

  private static void older(Path stage, Set<Path> needed, List<Removable> found) {
    CheckpointStore store = new CheckpointStore(stage.resolve("checkpoints"));
    // Verified to the last bit: it is all that is left of the stage afterwards.
    Optional<TrainingCheckpoint> newest = store.latest();
    if (newest.isEmpty()) {
      return;
    }
    String kept = String.valueOf(newest.get().folder().getFileName());
    for (String name : store.names()) {
      Path place = stage.resolve("checkpoints").resolve(name);
      if (name.compareTo(kept) < 0 && !needed.contains(place)) {
        add(place, "older checkpoint", found);
      }
    }
  }

  private static void inside(Path folder, String what, List<Removable> found) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> entries = Files.list(folder)) {
      entries.sorted().forEach(entry -> add(entry, what, found));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }

  private static void add(Path place, String what, List<Removable> found) {
    found.add(new Removable(place, what, FolderSize.bytes(place)));
  }

  /** Checkpoints that runs beside this one start from, or were made from. */
  private static Set<Path> neededByOthers(Path run) {
    Set<Path> needed = new HashSet<>();
    Path beside = run.getParent();
    for (Path other : beside == null ? List.of(run) : Runs.in(beside)) {
      try {
        for (StageConfig stage : RunData.read(other).recipe().stages()) {
          stage
              .init()
              .match(
                  published -> false,
                  earlier -> false,
                  checkpoint ->
                      needed.add(Path.of(checkpoint.path()).toAbsolutePath().normalize()));
        }
        for (Path stage : RunContents.stages(other)) {
          RunContents.newest(stage)
              .ifPresent(
                  newest ->
                      Lineage.of(newest, CheckpointStore.peek(newest).manifest())
                          .ancestors()
                          .forEach(
                              ancestor -> needed.add(other.resolve(ancestor.place()).normalize())));
        }
      } catch (InvalidConfigException | CheckpointFormatException unreadable) {
        throw new UserMistake(
            "cannot tell which checkpoints %s needs, because it cannot be read (%s); move it elsewhere first"
                .formatted(other, unreadable.getMessage()));
      }
    }
    return needed;
  }

  /** Removes a file or a folder. */
  public static void remove(Removable removable) {
    try (Stream<Path> all = Files.walk(removable.place())) {
      for (Path entry : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove " + removable.place(), e);
    }
  }
}
