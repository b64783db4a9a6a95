package dev.palimpsest.cli.lineage;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.stages.RunContents;
import dev.palimpsest.stages.lineage.Lineage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds lineages by paths that a user may give: a checkpoint, an export, or the folder of a stage
 * or run.
 */
public final class Sources {
  private Sources() {}

  /** The checkpoint that an export was made from, where the export lies in its run's folder. */
  public static Optional<Path> origin(Path export, Lineage lineage) {
    Path inRun =
        Path.of(lineage.stage(), "checkpoints", "examples-%012d".formatted(lineage.examples()));
    for (Path folder = export.toAbsolutePath().normalize().getParent();
        folder != null;
        folder = folder.getParent()) {
      Path checkpoint = folder.resolve(inRun);
      if (checkpoint(checkpoint, lineage.id()).isPresent()) {
        return Optional.of(checkpoint);
      }
    }
    return Optional.empty();
  }

  /**
   * A lineage and where it was read.
   *
   * @param place the checkpoint's folder, or the export
   * @param run the run folder, if it is inside one
   * @param export for example {@code huggingface f32}, and its files; null for a checkpoint
   */
  record Found(Lineage lineage, Path place, Path run, Lineage.@Nullable Exported export) {}

  /**
   * The lineage of a path: for a stage's folder the newest one, for a run's folder that of the last
   * stage, in the recipe's order, that has one.
   *
   * @throws InvalidConfigException when there is none
   */
  static Found one(Path path) {
    List<Found> all = all(path);
    return all.stream()
        .filter(found -> found.export == null)
        .reduce((first, second) -> second)
        .orElse(all.get(all.size() - 1));
  }

  /**
   * All lineages of a path: for a stage's folder those of its newest checkpoint and its exports,
   * for a run's folder those of every stage, in the recipe's order.
   *
   * @throws InvalidConfigException when there are none
   */
  static List<Found> all(Path given) {
    Path path = given.toAbsolutePath().normalize();
    List<Found> found = new ArrayList<>();
    if (Files.isRegularFile(path.resolve("manifest.json"))) {
      found.add(checkpoint(path));
    } else {
      export(path).ifPresent(found::add);
    }
    if (found.isEmpty()) {
      stage(path, found);
    }
    if (found.isEmpty()) {
      RunContents.stages(path).forEach(stage -> stage(stage, found));
    }
    if (found.isEmpty()) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  given.toString(),
                  Files.exists(path)
                      ? "has no lineage; expected a checkpoint (manifest.json), an export with"
                          + " lineage.json, or the folder of a stage or run"
                      : "no such file or folder")));
    }
    return found;
  }

  private static void stage(Path folder, List<Found> found) {
    RunContents.newest(folder).ifPresent(newest -> found.add(checkpoint(newest)));
    for (Path export : RunContents.exports(folder)) {
      export(export).ifPresent(found::add);
    }
  }

  private static Found checkpoint(Path folder) {
    return new Found(
        Lineage.of(folder, CheckpointStore.peek(folder).manifest()), folder, run(folder), null);
  }

  private static Optional<Found> export(Path path) {
    return Lineage.ofExport(path).map(e -> new Found(e.checkpoint(), path, run(path), e));
  }

  /** A checkpoint's lineage, if there is one with this id. */
  static Optional<Lineage> checkpoint(Path folder, String id) {
    try {
      return Optional.of(checkpoint(folder).lineage).filter(lineage -> lineage.id().equals(id));
    } catch (CheckpointFormatException | InvalidConfigException e) {
      return Optional.empty();
    }
  }

  /** {@code RUN/STAGE/checkpoints/NAME} and {@code RUN/STAGE/export/NAME}. */
  private static Path run(Path place) {
    Path run = place;
    for (int i = 0; i < 3; i++) {
      run = Objects.requireNonNullElse(run.getParent(), run);
    }
    return run;
  }
}
