package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.logs.LogHashes;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Division;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The saves of a rank other than the first: it writes its part of a state that is divided, and
 * nothing of one that the first has in whole.
 */
public final class OthersSaves implements Saves, AutoCloseable {
  private final NDManager manager;
  private final CheckpointWriter writer;
  private final Path capsules;

  /**
   * The saves of a stage.
   *
   * @param manager copies of arrays belong to children of it until they are written
   */
  public OthersSaves(RunFolder folder, StageConfig stage, NDManager manager) {
    this.manager = manager;
    this.capsules = StageCheckpoints.capsules(folder, stage.name());
    this.writer =
        new CheckpointWriter(
            new CheckpointStore(folder.checkpoints(stage.name())),
            manager,
            !stage.storage().usesDisk());
  }

  @Override
  public void save(TrainState state, @Nullable Division division, LogHashes logs, Runnable before) {
    if (division == null || !division.isSaved()) {
      return;
    }
    try (NDManager scope = manager.newSubManager()) {
      StateFiles.Parts parts = division.parts(scope, state);
      writer.saveParts(
          StateFiles.name(state.examples()),
          parts.groups(),
          Map.of(),
          parts.shared(),
          () -> {},
          () -> {});
    }
  }

  @Override
  public Path saveCapsule(
      TrainState before, @Nullable Division division, Map<String, Object> found) {
    String name = StateFiles.name(before.examples());
    if (division != null && division.isSaved()) {
      try (NDManager scope = manager.newSubManager()) {
        StateFiles.Parts parts = division.parts(scope, before);
        new CheckpointStore(capsules).commitParts(name, parts.groups(), Map.of(), parts.shared());
      }
    }
    return capsules.resolve(name);
  }

  @Override
  public TrainState read(NDManager scope, TrainState saved) {
    return saved;
  }

  @Override
  public void await() {
    writer.await();
  }

  @Override
  public void check() {
    writer.check();
  }

  @Override
  public CheckpointWriter.Times takeTimes() {
    return writer.takeTimes();
  }

  @Override
  public void close() {
    writer.close();
  }
}
