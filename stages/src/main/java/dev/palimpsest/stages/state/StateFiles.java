package dev.palimpsest.stages.state;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.checkpoints.SharedSave;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.lineage.StageFacts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * Writes and reads a {@link TrainState} as a training checkpoint. Moments that are zero because
 * there was no update yet are not stored.
 */
public final class StateFiles {
  private static final String PARAMETERS = "parameters";

  private StateFiles() {}

  /** The name of a state's checkpoint; names sort by examples. */
  public static String name(long examples) {
    return "examples-%012d".formatted(examples);
  }

  /** The number of examples in a checkpoint's name; empty for other names. */
  public static OptionalLong examplesOf(String name) {
    return name.matches("examples-\\d{12}")
        ? OptionalLong.of(Long.parseLong(name.substring("examples-".length())))
        : OptionalLong.empty();
  }

  /**
   * Begins to save a state under its name.
   *
   * @param more facts in addition to those of the stage and the state
   */
  public static void save(
      CheckpointWriter writer,
      TrainState state,
      StageFacts stage,
      Map<String, Object> more,
      Runnable before,
      Runnable after) {
    writer.save(name(state.examples()), groups(state), facts(state, stage, more), before, after);
  }

  /**
   * What one process has of a state that several save.
   *
   * @param groups its parts of all arrays
   */
  public record Parts(Map<String, List<TensorPart>> groups, SharedSave shared) {
    /**
     * The parts of a state.
     *
     * @param own what a process has of arrays
     */
    public static Parts of(
        TrainState state, SharedSave shared, Function<Parameters, List<TensorPart>> own) {
      Map<String, List<TensorPart>> groups = new LinkedHashMap<>();
      StateFiles.groups(state).forEach((group, arrays) -> groups.put(group, own.apply(arrays)));
      return new Parts(groups, shared);
    }
  }

  /**
   * Begins to save a state together with other processes.
   *
   * @param parts of this process
   * @param more as above
   */
  public static void save(
      CheckpointWriter writer,
      TrainState state,
      Parts parts,
      StageFacts stage,
      Map<String, Object> more,
      Runnable before,
      Runnable after) {
    writer.saveParts(
        name(state.examples()),
        parts.groups(),
        facts(state, stage, more),
        parts.shared(),
        before,
        after);
  }

  /**
   * Writes a state together with other processes, and returns when it is there.
   *
   * @param more as above
   */
  public static Path commit(
      CheckpointStore store,
      TrainState state,
      Parts parts,
      StageFacts stage,
      Map<String, Object> more) {
    return store.commitParts(
        name(state.examples()), parts.groups(), facts(state, stage, more), parts.shared());
  }

  /**
   * Writes a state under its name, and returns when it is there.
   *
   * @param more facts in addition to those of the stage and the state
   */
  public static Path commit(
      CheckpointStore store, TrainState state, StageFacts stage, Map<String, Object> more) {
    return store.commit(name(state.examples()), groups(state), facts(state, stage, more));
  }

  /**
   * Writes the state before a stage's first step, of parameters that are made as they are written,
   * and returns when it is there.
   *
   * @param more facts in addition to those of the stage and the state
   */
  public static Path commitFirst(
      CheckpointStore store, List<Tensor> parameters, StageFacts stage, Map<String, Object> more) {
    return store.commitTensors(
        name(0),
        Map.of("parameters", parameters),
        facts(stage.at(0), more, 0, 0, 0, GuardState.START, Consumed.NOTHING));
  }

  /**
   * Writes a state that has been handed over and not trained: arrays that are the other stage's are
   * copied from its files, piece by piece, instead of from the memory that shares them.
   *
   * @param from what the state was taken from
   * @param more facts beside those of the stage and the state
   */
  public static Path commitHandedOver(
      CheckpointStore store,
      TrainState state,
      TrainingCheckpoint from,
      StageFacts stage,
      Map<String, Object> more) {
    List<TensorSource> opened = new ArrayList<>();
    try {
      Map<String, List<Tensor>> tensors = new LinkedHashMap<>();
      groups(state)
          .forEach(
              (group, arrays) -> {
                TensorSource source = from.source(group);
                opened.add(source);
                List<Tensor> handedOver = new ArrayList<>();
                arrays
                    .asMap()
                    .forEach((name, array) -> handedOver.add(handedOver(name, array, source)));
                tensors.put(group, handedOver);
              });
      return store.commitTensors(name(state.examples()), tensors, facts(state, stage, more));
    } finally {
      opened.forEach(TensorSource::close);
    }
  }

  private static Tensor handedOver(String name, NDArray array, TensorSource source) {
    TensorInfo stored = source.info(name);
    return stored.type() == ElementType.F32 && stored.shape().equals(array.getShape())
        ? new Tensor(stored, out -> out.write(source.bytes(name)))
        : Tensor.of(name, array);
  }

  private static Map<String, Parameters> groups(TrainState state) {
    Map<String, Parameters> groups = new LinkedHashMap<>();
    groups.put(PARAMETERS, state.parameters());
    if (state.updates() > 0) {
      groups.putAll(state.moments());
    }
    return groups;
  }

  private static Map<String, Object> facts(
      TrainState state, StageFacts stage, Map<String, Object> more) {
    return facts(
        stage.at(state.examples()),
        more,
        state.updates(),
        state.scheduleStart(),
        state.dataStart(),
        state.guard(),
        state.consumed());
  }

  private static Map<String, Object> facts(
      StageFacts stage,
      Map<String, Object> more,
      long updates,
      long scheduleStart,
      long dataStart,
      GuardState guard,
      Consumed consumed) {
    Map<String, Object> facts = stage.toMap();
    facts.putAll(more);
    facts.put("updates", updates);
    facts.put("scheduleStart", scheduleStart);
    facts.put("dataStart", dataStart);
    facts.put("guard", guard);
    facts.put("consumed", consumed.chain());
    facts.put("consumedBytes", consumed.bytes());
    return facts;
  }

  /**
   * Reads a state. Its arrays share the memory of the checkpoint's files and belong to children of
   * the manager.
   */
  public static TrainState read(NDManager manager, TrainingCheckpoint checkpoint) {
    StageFacts stage = StageFacts.of(checkpoint);
    Map<String, Object> facts = checkpoint.facts();
    Map<String, Parameters> moments = new LinkedHashMap<>();
    for (String group : checkpoint.groups()) {
      if (!group.equals(PARAMETERS)) {
        moments.put(group, checkpoint.read(manager, group));
      }
    }
    return new TrainState(
        checkpoint.read(manager, PARAMETERS),
        moments,
        number(checkpoint, "updates"),
        stage.examples(),
        number(checkpoint, "scheduleStart"),
        stage.order(),
        dataStart(checkpoint),
        guard(facts),
        consumed(checkpoint));
  }

  /** Checkpoints from before guards existed have no such facts. */
  private static GuardState guard(Map<String, Object> facts) {
    if (!(facts.get("guard") instanceof Map<?, ?> guard)
        || !(guard.get("losses") instanceof List<?> losses)
        || !(guard.get("skipped") instanceof Integer skipped)
        || !(guard.get("capsules") instanceof Integer capsules)) {
      return GuardState.START;
    }
    return new GuardState(
        losses.stream().map(loss -> ((Number) loss).doubleValue()).toList(), skipped, capsules);
  }

  /** Mixture position of the first example of a checkpoint's stage. */
  public static long dataStart(TrainingCheckpoint checkpoint) {
    return number(checkpoint, "dataStart");
  }

  /** Checkpoints of older versions do not record what was consumed. */
  public static Consumed consumed(TrainingCheckpoint checkpoint) {
    return checkpoint.facts().get("consumed") instanceof String chain
        ? new Consumed(chain, number(checkpoint, "consumedBytes"))
        : Consumed.NOTHING;
  }

  private static long number(TrainingCheckpoint checkpoint, String name) {
    if (checkpoint.facts().get(name) instanceof Number number) {
      return number.longValue();
    }
    throw StageFacts.missing(checkpoint.folder(), name);
  }
}
