package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Checks that the scores that a stage's gates and choices refer to are made. */
final class ScoreChecks {
  private final Binder bound;

  ScoreChecks(Binder bound) {
    this.bound = bound;
  }

  /**
   * Checks that gates name suites of their stage and tasks of these, and that a parent to compare
   * with has a score.
   *
   * @param stage its path
   * @param earlier indices of the earlier stages, by name
   */
  void gates(String stage, Map<String, Integer> earlier) {
    String evaluate = stage + ".evaluate";
    for (String gate : bound.members(evaluate + ".gates")) {
      if (bound.value(evaluate + ".after", Boolean.class).filter(after -> !after).isPresent()) {
        bound.problem(gate, "needs the scores at the end; 'after' is false");
      }
      if (isMade(gate, evaluate)
          && bound.value(gate + ".noWorseThanParent", Boolean.class).orElse(false)
          && parentLacks(stage, text(gate + ".suite").orElseThrow(), earlier)) {
        bound.problem(
            gate + ".noWorseThanParent",
            "needs a parent stage that is scored on suite "
                + text(gate + ".suite").orElseThrow()
                + " at its end");
      }
    }
  }

  /**
   * Checks that a score that is watched while a stage trains is made while it trains.
   *
   * @param stage its path
   * @param choice path of what names the score
   */
  void choice(String stage, String choice) {
    if (text(choice + ".suite").orElse("").isEmpty()) {
      return; // absent, or a mistake that was reported already
    }
    String evaluate = stage + ".evaluate";
    if (bound.value(evaluate + ".everyExamples", Long.class).orElse(0L) == 0) {
      bound.problem(
          choice, "needs scores while the stage trains; give evaluate.everyExamples as well");
    }
    isMade(choice, evaluate);
  }

  /**
   * Checks that a suite is one that the stage is scored on, and a task, if one is named, one of the
   * suite's.
   *
   * @param at path of what has {@code suite} and perhaps {@code task}
   * @return false when the suite is wrong, or was reported as such already
   */
  private boolean isMade(String at, String evaluate) {
    String suite = text(at + ".suite").orElse("");
    if (suite.isEmpty()) {
      return false;
    }
    List<String> scored = scored(evaluate);
    if (!scored.contains(suite) && bound.value(evaluate + ".suites", List.class).isPresent()) {
      bound.problem(
          at + ".suite",
          "'%s' is not a suite that this stage is scored on%s"
              .formatted(suite, Suggestion.among(suite, scored)));
      return false;
    }
    Optional<Set<String>> tasks =
        bound
            .value(Paths.key("suites", suite), SuiteConfig.class)
            .map(config -> config.tasks().keySet());
    String task = text(at + ".task").orElse("");
    if (!task.isEmpty() && tasks.isPresent() && !tasks.get().contains(task)) {
      bound.problem(
          at + ".task",
          "'%s' is not a task of suite %s%s"
              .formatted(task, suite, Suggestion.among(task, tasks.get())));
    }
    return true;
  }

  /** Whether a stage certainly has no parent with a suite's score at its end. */
  private boolean parentLacks(String stage, String suite, Map<String, Integer> earlier) {
    Optional<Init> init = bound.value(stage + ".init", Init.class);
    if (init.isEmpty() || !(init.get() instanceof Init.FromStage from)) {
      return init.isPresent();
    }
    if (!earlier.containsKey(from.stage())) {
      return false; // a mistake that was reported already
    }
    String parent = Paths.index("stages", earlier.get(from.stage())) + ".evaluate";
    return !bound.value(parent + ".after", Boolean.class).orElse(true)
        || !scored(parent).contains(suite);
  }

  /** The suites of a stage's {@code evaluate} that could be read. */
  private List<String> scored(String evaluate) {
    return bound.members(evaluate + ".suites").stream().flatMap(at -> text(at).stream()).toList();
  }

  private Optional<String> text(String path) {
    return bound.value(path, String.class);
  }
}
