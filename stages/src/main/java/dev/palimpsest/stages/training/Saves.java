package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.stages.logs.LogHashes;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Capsule;
import dev.palimpsest.stages.step.Division;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where a training loop's states are saved; every rank calls the same methods. */
public interface Saves {
  /**
   * Begins to save a state.
   *
   * @param division of its arrays among ranks; null: the first one has all
   * @param logs hashes of the stage's logs
   * @param before makes durable what must be on disk before the checkpoint becomes visible
   */
  void save(TrainState state, @Nullable Division division, LogHashes logs, Runnable before);

  /**
   * Saves the state before a step, with what the guard found in it; see {@link Capsule}.
   *
   * @param division as for {@link #save}
   * @return the capsule's folder
   */
  Path saveCapsule(TrainState before, @Nullable Division division, Map<String, Object> found);

  /**
   * A state that has been saved, with all of its arrays on the first rank, where they share the
   * memory of the checkpoint's files.
   *
   * @param manager these belong to a child of it
   */
  TrainState read(NDManager manager, TrainState saved);

  /** As {@link CheckpointWriter#await}. */
  void await();

  /** As {@link CheckpointWriter#check}. */
  void check();

  /** As {@link CheckpointWriter#takeTimes}. */
  CheckpointWriter.Times takeTimes();
}
