package dev.palimpsest.configs;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What no record can check alone: references between parts of a recipe. Works on what could be
 * bound, so that a mistake elsewhere hides nothing.
 */
final class CrossChecks {
  private final Binder bound;
  private final Set<String> tasks;
  private final Set<String> suites;

  /**
   * Prepares the checks.
   *
   * @param tasks names of all tasks, those with mistakes in them too
   * @param suites the same for suites
   */
  CrossChecks(Binder bound, Set<String> tasks, Set<String> suites) {
    this.bound = bound;
    this.tasks = tasks;
    this.suites = suites;
  }

  void stages(int count) {
    if (count == 0) {
      bound.problem("stages", "must have at least one stage");
    }
    Map<String, Integer> earlier = new LinkedHashMap<>();
    boolean allNamed = true;
    for (int i = 0; i < count; i++) {
      String stage = Paths.index("stages", i);
      resolution(stage);
      mixture(stage);
      suites(stage);
      init(stage, earlier, allNamed);
      gates(stage, earlier);
      Optional<String> name = bound.value(stage + ".name", String.class);
      allNamed &= name.isPresent();
      if (name.isPresent()) {
        Integer first = earlier.putIfAbsent(name.get(), i);
        if (first != null) {
          bound.problem(
              stage + ".name",
              "must be unique, but stages[" + first + "] is also called '" + name.get() + "'");
        }
      }
    }
  }

  private void resolution(String stage) {
    int patch = bound.value("model.vision.patchSize", Integer.class).orElse(0);
    int resolution = bound.value(stage + ".resolution", Integer.class).orElse(0);
    if (patch <= 0 || resolution <= 0 || resolution % patch == 0) {
      return;
    }
    int below = resolution / patch * patch;
    bound.problem(
        stage + ".resolution",
        "must be a multiple of the patch size "
            + patch
            + ", got "
            + resolution
            + (below == 0
                ? "; the nearest is " + patch
                : "; the nearest are " + below + " and " + (below + patch)));
  }

  private void mixture(String stage) {
    Optional<Map<?, ?>> mixture = bound.value(stage + ".mixture", Map.class).map(map -> map);
    if (mixture.isEmpty()) {
      return;
    }
    boolean positive = false;
    for (Map.Entry<?, ?> weight : mixture.get().entrySet()) {
      String task = (String) weight.getKey();
      positive |= (Double) weight.getValue() > 0;
      if (!tasks.contains(task)) {
        bound.problem(
            Paths.key(stage + ".mixture", task),
            "names no task of this recipe" + Suggestion.among(task, tasks));
      }
    }
    if (!positive
        && !mixture.get().isEmpty()
        && bound.value(stage + ".examples", Long.class).orElse(0L) > 0) {
      bound.problem(stage + ".mixture", "must give at least one task a weight above 0");
    }
  }

  /** Suites named where none needs to be. */
  void dedup() {
    suitesAt("dedup.against");
  }

  private void suites(String stage) {
    suitesAt(stage + ".evaluate.suites");
  }

  private void suitesAt(String path) {
    for (int i = 0; bound.value(Paths.index(path, i), String.class).isPresent(); i++) {
      String suite = bound.value(Paths.index(path, i), String.class).orElseThrow();
      if (!suites.contains(suite)) {
        bound.problem(
            Paths.index(path, i),
            "'" + suite + "' is no suite of this recipe" + Suggestion.among(suite, suites));
      }
    }
  }

  private void init(String stage, Map<String, Integer> earlier, boolean allNamed) {
    Optional<Init.FromStage> from =
        bound
            .value(stage + ".init", Init.class)
            .filter(Init.FromStage.class::isInstance)
            .map(Init.FromStage.class::cast);
    if (from.isEmpty()) {
      return;
    }
    String parent = from.get().stage();
    if (!earlier.containsKey(parent)) {
      boolean first = stage.equals(Paths.index("stages", 0));
      if (!first && !allNamed) {
        return; // it may mean the stage whose name is wrong
      }
      bound.problem(
          stage + ".init.stage",
          first
              ? "the first stage has none before it; start it from 'pretrained' or 'checkpoint'"
              : "'"
                  + parent
                  + "' is no earlier stage"
                  + Suggestion.among(parent, earlier.keySet()));
      return;
    }
    int before =
        bound
            .value(Paths.index("stages", earlier.get(parent)) + ".resolution", Integer.class)
            .orElse(0);
    int after = bound.value(stage + ".resolution", Integer.class).orElse(0);
    boolean keep =
        bound
            .value(stage + ".handOver.positionEmbedding", HandOver.PositionEmbedding.class)
            .filter(HandOver.PositionEmbedding.KEEP::equals)
            .isPresent();
    if (keep && before > 0 && after > 0 && before != after) {
      bound.problem(
          stage + ".handOver.positionEmbedding",
          "is 'keep', but the resolution changes from "
              + before
              + " ("
              + parent
              + ") to "
              + after
              + "; write 'resample' or keep the resolution");
    }
  }

  /** Gates name tasks of their suites; a parent to compare with is a stage with such a score. */
  private void gates(String stage, Map<String, Integer> earlier) {
    String path = stage + ".evaluate.gates";
    for (int i = 0; bound.value(Paths.index(path, i), GateConfig.class).isPresent(); i++) {
      String at = Paths.index(path, i);
      GateConfig gate = bound.value(at, GateConfig.class).orElseThrow();
      Optional<SuiteConfig> suite =
          bound.value(Paths.key("suites", gate.suite()), SuiteConfig.class);
      if (suite.isPresent() && !suite.get().tasks().containsKey(gate.task())) {
        bound.problem(
            at + ".task",
            "'%s' is no task of suite %s%s"
                .formatted(
                    gate.task(),
                    gate.suite(),
                    Suggestion.among(gate.task(), suite.get().tasks().keySet())));
      }
      if (gate.noWorseThanParent() && !parentHas(stage, gate.suite(), earlier)) {
        bound.problem(
            at + ".noWorseThanParent",
            "needs a parent stage that is scored on suite " + gate.suite() + " at its end");
      }
    }
  }

  private boolean parentHas(String stage, String suite, Map<String, Integer> earlier) {
    return bound
        .value(stage + ".init", Init.class)
        .filter(Init.FromStage.class::isInstance)
        .map(init -> earlier.get(((Init.FromStage) init).stage()))
        .flatMap(
            index -> bound.value(Paths.index("stages", index) + ".evaluate", EvaluateConfig.class))
        .filter(parent -> parent.after() && parent.suites().contains(suite))
        .isPresent();
  }
}
