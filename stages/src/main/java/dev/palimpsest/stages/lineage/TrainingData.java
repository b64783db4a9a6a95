package dev.palimpsest.stages.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.tasks.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A description of a stage's training data, task by task: enough to say which task's source has
 * changed, and how. The stage's identity has one hash over all of it.
 *
 * @param tasks {@link Task#contents()} by the task's name, with {@link #SOURCE}; empty if not known
 */
public record TrainingData(Map<String, Map<String, String>> tasks) {
  /** For stages that do not train, and if nothing is known. */
  static final TrainingData NONE = new TrainingData(Map.of());

  /** The source as in the recipe, with the run folder as a variable. Only used in messages. */
  private static final String SOURCE = "source";

  /** Keeps unmodifiable copies. */
  public TrainingData {
    Map<String, Map<String, String>> copy = new LinkedHashMap<>();
    // In their order, so that equal runs write equal files.
    tasks.forEach(
        (name, task) -> copy.put(name, Collections.unmodifiableMap(new LinkedHashMap<>(task))));
    tasks = Collections.unmodifiableMap(copy);
  }

  /**
   * The data of a stage.
   *
   * @param run the run folder
   */
  public static TrainingData of(@Nullable Mixture mixture, PipelineConfig recipe, String run) {
    if (mixture == null) {
      return NONE;
    }
    Map<String, Map<String, String>> tasks = new LinkedHashMap<>();
    mixture
        .contents()
        .forEach(
            (name, contents) -> {
              Map<String, String> task = new LinkedHashMap<>(contents);
              var source = Objects.requireNonNull(recipe.tasks().get(name), name).source();
              task.put(SOURCE, Fingerprint.brief(source).replace(run, "${run}"));
              tasks.put(name, task);
            });
    return new TrainingData(tasks);
  }

  /** Reads it from JSON; empty for older versions, which did not record it. */
  public static TrainingData of(JsonNode json) {
    try {
      return json.path("tasks").isObject()
          ? Json.STRICT.convertValue(json, TrainingData.class)
          : NONE;
    } catch (IllegalArgumentException e) {
      return NONE; // an unknown value says nothing
    }
  }

  /** What has changed in data that are known to differ, one sentence per change; never empty. */
  public List<String> changesTo(TrainingData now) {
    if (tasks.isEmpty() || now.tasks.isEmpty()) {
      return List.of(
          "the training data differ; it is not known in which task: one side does not record what its"
              + " data were");
    }
    Set<String> names = new LinkedHashSet<>(tasks.keySet());
    names.addAll(now.tasks.keySet());
    List<String> changes = new ArrayList<>();
    for (String name : names) {
      Map<String, String> before = tasks.get(name);
      Map<String, String> after = now.tasks.get(name);
      if (before == null || after == null) {
        changes.add(
            "task %s, source %s: %s"
                .formatted(
                    name,
                    source(before == null ? after : before),
                    before == null ? "joins the mixture" : "leaves the mixture"));
      } else {
        compare(name, before, after, changes);
      }
    }
    return changes.isEmpty()
        ? List.of("the order of the training data differs: seed, weights or the order's name")
        : changes;
  }

  private static void compare(
      String name, Map<String, String> before, Map<String, String> after, List<String> changes) {
    String task = "task %s, source %s: ".formatted(name, source(after));
    for (Fingerprint.Change change : Fingerprint.diff(before, after)) {
      switch (change.path()) {
        case SOURCE,
            Task.ROWS -> {} // a path is not a difference, and rows are reported with contents
        case Task.CONTENTS ->
            changes.add(
                task
                    + "its contents differ (%s rows before, %s after)"
                        .formatted(before.get(Task.ROWS), after.get(Task.ROWS)));
        case Task.MASK_CODEC -> changes.add(task + "the contents of its mask codec differ");
        default -> changes.add(task + change);
      }
    }
  }

  private static String source(@Nullable Map<String, String> task) {
    return task == null ? "unknown" : task.getOrDefault(SOURCE, "unknown");
  }
}
