package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Recipes;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.model.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LineageTest {
  private static final String RECIPE =
      """
      name: lineage
      threads: 1
      prepare:
        playground: {out: '${run}/data', trainImages: 12, heldOutImages: 6}
        towers: {out: '${run}/towers', resolution: 16}
      tokenizer: {path: '${run}/data/tokenizer.model'}
      model:
        vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 8}
        language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1,
          headDim: 8, queryScalar: 8}
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
      stages:
        - name: stage0
          init: {pretrained: {vision: '${run}/towers/siglip.npz', language: '${run}/towers/gemma'}}
          resolution: 16
          textTokens: 16
          export: {formats: []}
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
      """;

  @TempDir Path folder;

  private static final class Crash extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private record Until(int[] stepsLeft) implements Progress {
    @Override
    public void start(StageConfig stage, long fromExamples) {}

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      if (--stepsLeft[0] == 0) {
        throw new Crash();
      }
    }

    @Override
    public void end() {}
  }

  private static List<StageResult> run(
      Path out, int crashAfterSteps, Set<String> accept, String... sets) {
    PipelineConfig recipe =
        Recipes.bind(RECIPE, "lineage.yaml", List.of(sets), Map.of("run", out.toString()));
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load()) {
      return new PipelineRunner(
              manager, kernels, new Until(new int[] {crashAfterSteps}), new StopRequest())
          .run(recipe, new RunFolder(out), Map.of("commit", "0123456789abcdef"), accept);
    }
  }

  private static Lineage lineage(StageResult result) {
    return Lineage.of(result.checkpoint(), CheckpointStore.peek(result.checkpoint()).manifest());
  }

  @Test
  void idsComeFromContentsAndChildrenKnowTheirAncestors() throws IOException {
    List<StageResult> first = run(folder.resolve("a"), 0, Set.of());
    List<StageResult> again = run(folder.resolve("b"), 0, Set.of());
    Lineage child = lineage(first.get(1));
    Lineage parent = lineage(first.get(0));
    assertEquals(child.id(), lineage(again.get(1)).id());
    assertNotEquals(child.id(), parent.id());
    assertEquals(List.of(parent.id()), child.parents());
    assertEquals(
        List.of("vision", "language", "lineage/stage0"),
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
        List.of("the training data have changed"),
        RecordedData.problems(child, folder.resolve("b")));
  }

  @Test
  void anAcceptedChangeOfAnUnfinishedStageIsRecordedAndShown() {
    Path out = folder.resolve("run");
    assertThrows(Crash.class, () -> run(out, 3, Set.of()));
    String set = "stages.stage1.optimizer.learningRate=2e-3";
    InvalidConfigException refused =
        assertThrows(InvalidConfigException.class, () -> run(out, 0, Set.of(), set));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.contains("--accept-changes stage1"), message);
    assertTrue(message.contains("learningRate: 0.001 -> 0.002"), message);

    Lineage resumed = lineage(run(out, 0, Set.of("stage1"), set).get(1));
    Lineage.Acceptance accepted = resumed.accepted().get(0);
    assertEquals(Lineage.Acceptance.RESUMED, accepted.how());
    assertEquals(List.of("stage.optimizer.learningRate: 0.001 -> 0.002"), accepted.changes());
    assertEquals(resumed.fingerprint(), accepted.to());
    assertTrue(accepted.examples() > 0);

    // What was accepted need not be accepted again, and other bits have another id.
    assertEquals(resumed, lineage(run(out, 0, Set.of(), set).get(1)));
    Lineage whole = lineage(run(folder.resolve("whole"), 0, Set.of(), set).get(1));
    assertEquals(whole.fingerprint(), resumed.fingerprint());
    assertNotEquals(whole.id(), resumed.id());
  }

  @Test
  void anAcceptedChangeOfAFinishedStageGoesIntoItsChildrensLineage() {
    Path out = folder.resolve("run");
    run(out, 0, Set.of(), "stages.stage1.examples=4", "stages.stage0.textTokens=15");
    String[] sets = {"stages.stage1.examples=4"};
    List<StageResult> reused = run(out, 0, Set.of("stage0"), sets);
    assertEquals(List.of("stage.textTokens: 15 -> 16"), reused.get(0).accepted().get(0).changes());
    assertEquals(Lineage.Acceptance.REUSED, reused.get(0).accepted().get(0).how());
    assertEquals(reused.get(0).accepted(), Lineage.reuses(out.resolve("stage0")));
    run(out, 0, Set.of(), sets); // accepted once, accepted for good
  }

  @Test
  void sizesCannotBeAccepted() {
    Path out = folder.resolve("run");
    assertThrows(Crash.class, () -> run(out, 3, Set.of()));
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> run(out, 0, Set.of("stage1"), "stages.stage1.resolution=32"));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("vision/position_embedding"),
        refused.getMessage());
  }

  @Test
  void anUnknownStageCannotBeAccepted() {
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class, () -> run(folder.resolve("run"), 0, Set.of("stage9")));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("none of the stages"), refused.getMessage());
  }
}
