package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.model.Parameters;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A {@link TrainState} as a training checkpoint. Moments that no update has touched are zero and
 * not stored.
 */
public final class StateFiles {
  private StateFiles() {}

  /** Name of a state's checkpoint; names sort by examples. */
  public static String name(long examples) {
    return "examples-%012d".formatted(examples);
  }

  /** Examples by a checkpoint's name; empty for other names. */
  public static OptionalLong examplesOf(String name) {
    return name.matches("examples-\\d{12}")
        ? OptionalLong.of(Long.parseLong(name.substring("examples-".length())))
        : OptionalLong.empty();
  }

  /** Has a state saved under its name. */
  public static void save(
      CheckpointWriter writer,
      TrainState state,
      Map<String, Object> stageFacts,
      Runnable before,
      Runnable after) {
    writer.save(name(state.examples()), groups(state), facts(state, stageFacts), before, after);
  }

  /** Writes a state under its name, and returns when it is there. */
  public static Path commit(
      CheckpointStore store, TrainState state, Map<String, Object> stageFacts) {
    return store.commit(name(state.examples()), groups(state), facts(state, stageFacts));
  }

  private static Map<String, Parameters> groups(TrainState state) {
    Map<String, Parameters> groups = new LinkedHashMap<>();
    groups.put("parameters", state.parameters());
    if (state.updates() > 0) {
      groups.put("mu", state.mu());
      groups.put("nu", state.nu());
    }
    return groups;
  }

  private static Map<String, Object> facts(TrainState state, Map<String, Object> stageFacts) {
    Map<String, Object> facts = new LinkedHashMap<>(stageFacts);
    facts.put("updates", state.updates());
    facts.put("examples", state.examples());
    facts.put("scheduleStart", state.scheduleStart());
    facts.put("order", state.order());
    facts.put("dataStart", state.dataStart());
    facts.put("guard", state.guard());
    facts.put("consumed", state.consumed().chain());
    facts.put("consumedBytes", state.consumed().bytes());
    return facts;
  }

  /** Reads a state; its arrays live in children of the manager. */
  public static TrainState read(NDManager manager, TrainingCheckpoint checkpoint) {
    Map<String, Object> facts = checkpoint.facts();
    Parameters parameters = checkpoint.read(manager, "parameters");
    long updates = number(facts, "updates");
    return new TrainState(
        parameters,
        updates > 0 ? checkpoint.read(manager, "mu") : zeros(manager, parameters),
        updates > 0 ? checkpoint.read(manager, "nu") : zeros(manager, parameters),
        updates,
        number(facts, "examples"),
        number(facts, "scheduleStart"),
        order(checkpoint),
        number(facts, "dataStart"),
        guard(facts),
        consumed(facts));
  }

  /** Checkpoints from before there were guards say nothing of them. */
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

  static Consumed consumed(Map<String, Object> facts) {
    return facts.containsKey("consumed")
        ? new Consumed(text(facts, "consumed"), number(facts, "consumedBytes"))
        : Consumed.NOTHING;
  }

  public static String order(TrainingCheckpoint checkpoint) {
    return text(checkpoint.facts(), "order");
  }

  public static String fingerprint(TrainingCheckpoint checkpoint) {
    return text(checkpoint.facts(), "fingerprint");
  }

  public static long examples(TrainingCheckpoint checkpoint) {
    return number(checkpoint.facts(), "examples");
  }

  private static Parameters zeros(NDManager manager, Parameters like) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    like.asMap().forEach((name, array) -> shapes.put(name, array.getShape()));
    return Parameters.zeros(manager, shapes);
  }

  private static long number(Map<String, Object> facts, String key) {
    if (facts.get(key) instanceof Number n) {
      return n.longValue();
    }
    throw new IllegalArgumentException(
        "not a training checkpoint of a stage: its manifest has no '" + key + "'");
  }

  private static String text(Map<String, Object> facts, String key) {
    if (facts.get(key) instanceof String s) {
      return s;
    }
    throw new IllegalArgumentException(
        "not a training checkpoint of a stage: its manifest has no '" + key + "'");
  }
}
