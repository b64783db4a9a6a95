package dev.palimpsest.checkpoints;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.Parameters;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** To be written: training checkpoints of one stage, each an atomic folder under {@code root}. */
public final class CheckpointStore {
  /** A store over a folder, created when absent. */
  public CheckpointStore(Path root) {
    throw new UnsupportedOperationException();
  }

  /**
   * Writes a checkpoint: content beside, sync, manifest last with sizes and SHA-256, one rename.
   *
   * @param name folder name, sortable: {@code examples-000000001024}
   * @param groups arrays by group, e.g. {@code parameters}, {@code mu}, {@code nu}; each becomes
   *     one safetensors file
   * @param facts what else the checkpoint says of itself (counts, config, lineage); JSON-like
   *     values
   */
  public Path commit(String name, Map<String, Parameters> groups, Map<String, Object> facts) {
    throw new UnsupportedOperationException();
  }

  /** The newest checkpoint whose manifest and files verify. */
  public Optional<TrainingCheckpoint> latest() {
    throw new UnsupportedOperationException();
  }

  /** Removes all but the newest {@code keep}, and never those that {@code pinned} names. */
  public void retain(int keep, java.util.Set<String> pinned) {
    throw new UnsupportedOperationException();
  }

  /** A verified checkpoint on disk. */
  public interface TrainingCheckpoint {
    /** Its folder. */
    Path folder();

    /** Facts given at commit. */
    Map<String, Object> facts();

    /** Reads a group; the arrays live in a new child of the manager. */
    Parameters read(NDManager manager, String group);
  }

  /** Opens one checkpoint folder, verified. */
  public static TrainingCheckpoint open(Path folder) {
    Supplier<UnsupportedOperationException> todo = UnsupportedOperationException::new;
    throw todo.get();
  }
}
