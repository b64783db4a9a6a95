package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.evaluation.ScoreChoice;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Scores that a stage refers to and that are not made. Gates are in {@link RecipesTest}. */
class ScoreChecksTest {
  private static final String RECIPE =
      """
      name: scores
      tokenizer: {path: none}
      model: {vision: {preset: siglip-tiny/14}, language: {preset: gemma-tiny}}
      tasks: {a: {source: {jsonl: none}}}
      suites:
        heldout: {tasks: {caption: {source: {jsonl: none}}}}
        other: {tasks: {caption: {source: {jsonl: none}}}}
      stages:
        - name: s
          init: {checkpoint: none}
          examples: 8
          resolution: 28
          textTokens: 4
          batchSize: 4
          mixture: {a: 1}
          optimizer: {learningRate: 1, schedule: {constant: {}}}
          evaluate: {suites: [heldout], everyExamples: 4}
      """;

  private static StageConfig bind(String... sets) {
    return Recipes.bind(RECIPE, "recipe", List.of(sets), Map.of()).stages().get(0);
  }

  private static List<String> mistakes(String set, String... sets) {
    List<String> all = new ArrayList<>(List.of(set));
    Collections.addAll(all, sets);
    return assertThrows(
            InvalidConfigException.class, () -> bind(all.toArray(String[]::new)), "binds")
        .problems()
        .stream()
        .map(Problem::toString)
        .map(mistake -> mistake.substring(mistake.indexOf(": stages[0].") + 2))
        .toList();
  }

  @Test
  void aChosenScoreIsOfASuiteOfTheStageAndATaskOfTheSuite() {
    ScoreChoice best =
        Objects.requireNonNull(
            bind("stages.s.checkpoint.best={suite: heldout, task: caption}").checkpoint().best());
    assertEquals("heldout", best.suite());
    assertEquals(
        List.of(
            "stages[0].checkpoint.best.suite: 'other' is not a suite that this stage is scored on;"
                + " known are heldout"),
        mistakes("stages.s.checkpoint.best={suite: other, task: caption}"));
    assertEquals(
        List.of(
            "stages[0].earlyStop.task: 'captoin' is not a task of suite heldout; did you mean"
                + " 'caption'?"),
        mistakes("stages.s.earlyStop={suite: heldout, task: captoin}"));
  }

  @Test
  void aChosenScoreIsMadeWhileTheStageTrains() {
    assertEquals(
        List.of(
            "stages[0].earlyStop: needs scores while the stage trains; give evaluate.everyExamples"
                + " as well"),
        mistakes(
            "stages.s.earlyStop={suite: heldout, task: caption}",
            "stages.s.evaluate={suites: [heldout]}"));
  }
}
