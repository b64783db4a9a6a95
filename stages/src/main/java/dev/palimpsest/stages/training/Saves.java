package dev.palimpsest.stages.training;

import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import java.nio.file.Path;
import java.util.Map;

/** Where a training loop's states are saved. */
public interface Saves {
  /** Of a rank that leaves it to the first one. */
  static Saves elsewhere(RunFolder folder, String stage) {
    return new Saves() {
      @Override
      public void save(TrainState state, LogHashes logs, Runnable before) {}

      @Override
      public Path saveCapsule(TrainState before, Map<String, Object> found) {
        return StageCheckpoints.capsules(folder, stage).resolve(StateFiles.name(before.examples()));
      }

      @Override
      public void await() {}

      @Override
      public void check() {}

      @Override
      public CheckpointWriter.Times takeTimes() {
        return CheckpointWriter.Times.NONE;
      }
    };
  }

  /**
   * Begins to save a state.
   *
   * @param logs hashes of the stage's logs
   * @param before makes durable what must be on disk before the checkpoint becomes visible
   */
  void save(TrainState state, LogHashes logs, Runnable before);

  /**
   * Saves the state before a step, with what the guard found in it; see {@link Capsule}.
   *
   * @return the capsule's folder
   */
  Path saveCapsule(TrainState before, Map<String, Object> found);

  /** As {@link CheckpointWriter#await}. */
  void await();

  /** As {@link CheckpointWriter#check}. */
  void check();

  /** As {@link CheckpointWriter#takeTimes}. */
  CheckpointWriter.Times takeTimes();
}
