package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.logs.LogHashes;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Division;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Saves the states of a stage as training checkpoints while it trains, and deletes those that the
 * recipe does not keep.
 */
public final class StageCheckpoints implements Saves, AutoCloseable {
  private final StageConfig stage;
  private final StageFacts facts;
  private final CheckpointStore store;
  private final CheckpointWriter writer;
  private final Path capsules;
  private final NDManager manager;
  private long last = -1;
  private final LongFunction<Optional<BestScore>> best;

  /**
   * The checkpoints of a stage.
   *
   * @param facts of the stage, written to every checkpoint
   * @param store the stage's
   * @param best the best score of the stage up to a number of examples, whose checkpoint is kept
   * @param manager copies of arrays belong to children of it until they are written
   */
  public StageCheckpoints(
      RunFolder folder,
      StageConfig stage,
      StageFacts facts,
      CheckpointStore store,
      LongFunction<Optional<BestScore>> best,
      NDManager manager) {
    this.stage = stage;
    this.best = best;
    this.manager = manager;
    this.facts = facts;
    this.store = store;
    this.writer = new CheckpointWriter(store, manager, !stage.storage().usesDisk());
    this.capsules = capsules(folder, stage.name());
  }

  /** The folder of a stage's replay capsules. */
  static Path capsules(RunFolder folder, String stage) {
    return folder.stage(stage).resolve("capsules");
  }

  @Override
  public void save(TrainState state, @Nullable Division division, LogHashes logs, Runnable before) {
    Runnable after = () -> store.retain(stage.checkpoint().keepLast(), milestones());
    if (division == null) {
      StateFiles.save(writer, state, facts, logs.facts(), before, after);
    } else {
      try (NDManager scope = manager.newSubManager()) {
        StateFiles.Parts parts = division.parts(scope, state);
        StateFiles.save(writer, state, parts, facts, logs.facts(), before, after);
      }
    }
    last = state.examples();
  }

  /** Whether a state was given to be saved last. */
  public boolean isLast(TrainState state) {
    return last == state.examples();
  }

  /** Saves a stage's end, and returns when it is there: without a copy, for nothing changes it. */
  public void saveEnd(TrainState state, LogHashes logs) {
    writer.await();
    StateFiles.commit(store, state, facts, logs.facts());
    store.retain(stage.checkpoint().keepLast(), milestones());
  }

  /**
   * Saves the state of a stage that takes over from another and does not train, and returns when it
   * is there.
   *
   * @param from the other's checkpoint
   */
  public void saveHandedOver(TrainState state, TrainingCheckpoint from, LogHashes logs) {
    StateFiles.commitHandedOver(store, state, from, facts, logs.facts());
    store.retain(stage.checkpoint().keepLast(), milestones());
  }

  @Override
  public Path saveCapsule(
      TrainState before, @Nullable Division division, Map<String, Object> found) {
    CheckpointStore own = new CheckpointStore(capsules);
    if (division == null) {
      return StateFiles.commit(own, before, facts, found);
    }
    try (NDManager scope = manager.newSubManager()) {
      return StateFiles.commit(own, before, division.parts(scope, before), facts, found);
    }
  }

  @Override
  public TrainState read(NDManager scope, TrainState saved) {
    writer.await();
    String name = StateFiles.name(saved.examples());
    return StateFiles.read(scope, CheckpointStore.peek(store.folder(name)));
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

  /** Deletes all but the last one and the milestones that the recipe keeps. */
  public void keepLast() {
    store.retain(1, milestones());
  }

  private Set<String> milestones() {
    long every = stage.checkpoint().keepEveryExamples();
    Set<String> kept =
        store.names().stream()
            .filter(
                name -> {
                  long examples = StateFiles.examplesOf(name).orElse(0);
                  return examples > 0 && Cadence.due(every, stage.batchSize(), examples, false);
                })
            .collect(Collectors.toCollection(HashSet::new));
    best.apply(stage.examples()).ifPresent(score -> kept.add(StateFiles.name(score.examples())));
    return kept;
  }

  /** Waits for the last save. */
  @Override
  public void close() {
    writer.close();
  }
}
