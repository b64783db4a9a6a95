package dev.palimpsest.stages.lineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.StageResult;
import dev.palimpsest.stages.TinyRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LineageTest {
  private static final TinyRun TINY =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
          """,
          """
            - name: stage1
              init: {stage: stage0}
              examples: 16
              resolution: 16
              textTokens: 16
              batchSize: 4
              mixture: {caption: 1}
              optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              checkpoint: {everyExamples: 4}
              export: {formats: [huggingface, big_vision]}
          """);

  @TempDir Path folder;

  private static Lineage lineage(StageResult result) {
    return Lineage.of(result.checkpoint(), CheckpointStore.peek(result.checkpoint()).manifest());
  }

  @Test
  void idsComeFromContentsAndChildrenKnowTheirAncestors() throws IOException {
    List<StageResult> first = TINY.run(folder.resolve("a"));
    List<StageResult> again = TINY.run(folder.resolve("b"));
    Lineage child = lineage(first.get(1));
    Lineage parent = lineage(first.get(0));
    assertEquals(child.id(), lineage(again.get(1)).id());
    assertNotEquals(child.id(), parent.id());
    assertEquals(List.of(parent.id()), child.parents());
    assertEquals(
        List.of("vision", "language", "tiny/stage0"),
        child.ancestors().stream().map(Lineage.Ancestor::name).toList());
    assertEquals(2, parent.parents().size());
    assertEquals("stage0/checkpoints/examples-000000000000", child.ancestors().get(2).place());
    assertEquals("0123456789abcdef", child.environment().get("commit"));

    // An export says the same, and its recipe binds back to the run's.
    for (Path export : first.get(1).exports()) {
      Lineage.Exported exported = Lineage.ofExport(export).orElseThrow();
      assertEquals(child, exported.checkpoint());
      assertTrue(exported.format().endsWith(" f32"), exported.format());
    }
    assertTrue(child.recipeYaml().contains("'${run}/data/tokenizer.model'"), child.recipeYaml());
    Recipes.bind(child.recipeYaml(), "recorded", List.of(), Map.of("run", "/somewhere"));
    assertEquals(List.of(), RecordedData.problems(child, folder.resolve("a")));
    Path data = folder.resolve("b/data/caption.train.jsonl");
    Files.writeString(data, Files.readString(data).replaceFirst("\"suffix\":\"", "\"suffix\":\"x"));
    assertEquals(
        List.of(
            "the training data have changed: task caption, source {jsonl:"
                + " ${run}/data/caption.train.jsonl}: its contents differ (6 rows before, 6"
                + " after)"),
        RecordedData.problems(child, folder.resolve("b")));
  }

  @Test
  void anAcceptedChangeOfAnUnfinishedStageIsRecordedAndShown() {
    Path out = folder.resolve("run");
    TINY.crash(out, 3);
    String set = "stages.stage1.optimizer.learningRate=2e-3";
    InvalidConfigException refused =
        assertThrows(InvalidConfigException.class, () -> TINY.run(out, set));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.contains("--accept-changes stage1"), message);
    assertTrue(message.contains("learningRate: 0.001 -> 0.002"), message);

    Lineage resumed = lineage(TINY.accepting(Set.of("stage1"), out, set).get(1));
    Lineage.Acceptance accepted = resumed.accepted().get(0);
    assertEquals(Lineage.Acceptance.RESUMED, accepted.how());
    assertEquals(List.of("stage.optimizer.learningRate: 0.001 -> 0.002"), accepted.changes());
    assertEquals(resumed.fingerprint(), accepted.to());
    assertTrue(accepted.examples() > 0);

    // What was accepted need not be accepted again, and other bits have another id.
    assertEquals(resumed, lineage(TINY.run(out, set).get(1)));
    Lineage whole = lineage(TINY.run(folder.resolve("whole"), set).get(1));
    assertEquals(whole.fingerprint(), resumed.fingerprint());
    assertNotEquals(whole.id(), resumed.id());
  }

  @Test
  void anAcceptedChangeOfAFinishedStageGoesIntoItsChildrensLineage() {
    Path out = folder.resolve("run");
    TINY.run(out, "stages.stage1.examples=4", "stages.stage0.textTokens=15");
    String[] sets = {"stages.stage1.examples=4"};
    List<StageResult> reused = TINY.accepting(Set.of("stage0"), out, sets);
    assertEquals(List.of("stage.textTokens: 15 -> 16"), reused.get(0).accepted().get(0).changes());
    assertEquals(Lineage.Acceptance.REUSED, reused.get(0).accepted().get(0).how());
    assertEquals(reused.get(0).accepted(), Lineage.reuses(out.resolve("stage0")));
    TINY.run(out, sets); // accepted once, accepted for good
  }

  @Test
  void sizesCannotBeAccepted() {
    Path out = folder.resolve("run");
    TINY.crash(out, 3);
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> TINY.accepting(Set.of("stage1"), out, "stages.stage1.resolution=32"));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("vision/position_embedding"),
        refused.getMessage());
  }

  @Test
  void anUnknownStageCannotBeAccepted() {
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> TINY.accepting(Set.of("stage9"), folder.resolve("run")));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("is not a stage of this recipe"),
        refused.getMessage());
  }
}
