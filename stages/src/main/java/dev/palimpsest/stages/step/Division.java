package dev.palimpsest.stages.step;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.SharedSave;
import dev.palimpsest.stages.optimizer.Shards;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a training state is divided among ranks, each of which saves its part.
 *
 * @param shards which part of each array is a rank's
 * @param saving how ranks write a checkpoint together; null on ranks whose parts are written by
 *     those of another group, which have the same
 */
public record Division(Shards shards, @Nullable SharedSave saving) {
  /** Whether this rank writes its parts. */
  public boolean isSaved() {
    return saving != null;
  }

  /**
   * What this rank saves of a state.
   *
   * @param scope views belong to it
   */
  public StateFiles.Parts parts(NDManager scope, TrainState state) {
    return StateFiles.Parts.of(
        state, Objects.requireNonNull(saving), arrays -> shards.written(scope, arrays));
  }
}
