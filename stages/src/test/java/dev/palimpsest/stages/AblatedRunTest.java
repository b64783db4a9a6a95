package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ablations vary has an effect in a run, not only in the recipe. */
class AblatedRunTest {
  private static final TinyRun TINY =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
          suites:
            heldout:
              tasks:
                caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 2}}
          """,
          """
            - name: stage1
              init: {stage: stage0}
              examples: 8
              resolution: 16
              textTokens: 16
              batchSize: 4
              mixture: {caption: 1}
              optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              evaluate: {suites: [heldout]}
              export: {formats: []}
          """);

  @TempDir Path folder;

  private TrainingCheckpoint end(String name, String... sets) {
    List<StageResult> results = TINY.run(folder.resolve(name), sets);
    return CheckpointStore.open(results.get(1).checkpoint());
  }

  private static float[] floats(TrainingCheckpoint checkpoint, String parameter) {
    try (TensorSource source = checkpoint.source("parameters")) {
      return source.floats(parameter);
    }
  }

  private String firstPrompt(String run) throws IOException {
    try (var files = Files.walk(folder.resolve(run).resolve("stage1/predictions"))) {
      Path file = files.filter(f -> f.toString().endsWith(".jsonl")).sorted().findFirst().get();
      return Files.readString(file);
    }
  }

  @Test
  void maskLossPromptAndConnectorAreTrainedAsTheRecipeSays() throws IOException {
    TrainingCheckpoint plain = end("plain");
    assertTrue(firstPrompt("plain").contains("\"prompt\":\"caption en\""));
    TrainingCheckpoint other =
        end(
            "other",
            "model.connector=mlp",
            "stages.stage1.causalFrom=prefix",
            "stages.stage1.lossFrom=prefix",
            "stages.stage1.taskPrefix=false",
            "tasks.caption.few={rows: 5, seed: 2}",
            "stages[0].init.pretrained.newTokens=mean",
            "stages.stage1.image.shrinkFirst=8",
            "stages.stage1.imageWindow=8",
            "stages.stage1.imageRopeFactor=2");
    assertTrue(firstPrompt("other").contains("\"prompt\":\"\""));
    StageFacts facts = StageFacts.of(other);
    assertEquals("MLP", facts.model().connector().name());
    assertEquals("PREFIX", facts.model().causalFrom().name());
    assertEquals(8, facts.image().shrinkFirst());
    assertEquals(8, facts.model().vision().imageWindow());
    assertEquals(2, facts.model().language().imageRopeFactor());
    assertEquals(4 * 16, floats(plain, "vision/position_embedding").length);
    assertEquals(16, floats(other, "vision/position_embedding").length); // one patch a window
    String start = Files.readString(folder.resolve("other/stage1/start.json"));
    assertTrue(start.contains("8px against 16px before"), start);
    assertEquals(16 * 16, floats(other, "connector/hidden/kernel").length);
    assertFalse(
        Arrays.equals(floats(plain, "language/embedding"), floats(other, "language/embedding")));
    assertNotEquals(StageFacts.of(plain).fingerprint(), facts.fingerprint());
    long ids =
        Files.readAllLines(folder.resolve("other/stage1/examples.jsonl")).stream()
            .flatMap(line -> Arrays.stream(line.split("\"ids\":\\[")[1].split("]")[0].split(",")))
            .distinct()
            .count();
    assertEquals(5, ids);
  }

  @Test
  void eachSettingAloneChangesWhatIsLearnt() {
    float[] plain = floats(end("plain"), "language/blocks/0/attention/query/w");
    for (String set :
        List.of(
            "stages.stage1.causalFrom=image",
            "stages.stage1.causalFrom=prefix",
            "stages.stage1.taskPrefix=false",
            "stages.stage1.image.shrinkFirst=8",
            "stages.stage1.imageWindow=8",
            "stages.stage1.imageRopeFactor=4",
            "tasks.caption.few={rows: 1}")) {
      float[] other =
          floats(
              end(set.replaceAll("[^a-z]", ""), set, "stages[0].init.pretrained.connector=normal"),
              "language/blocks/0/attention/query/w");
      assertFalse(Arrays.equals(plain, other), set);
    }
  }

  @Test
  void aPartIsTunedFrozenOrReset() {
    float[] imported = floats(end("import", "stages.stage1.examples=0"), "vision/norm/bias");
    float[] tuned = floats(end("tuned"), "vision/norm/bias");
    assertFalse(Arrays.equals(imported, tuned));
    float[] frozen =
        floats(
            end("frozen", "stages.stage1.optimizer.groups.vision.frozen=true"), "vision/norm/bias");
    assertTrue(Arrays.equals(imported, frozen));
    float[] reset =
        floats(
            end(
                "reset",
                "stages.stage1.handOver.reset=[vision]",
                "stages.stage1.optimizer.groups.vision.frozen=true"),
            "vision/norm/bias");
    assertTrue(Arrays.equals(new float[imported.length], reset)); // an untrained norm has no bias
  }

  @Test
  void rawPatchesTrainWithoutATower() {
    TrainingCheckpoint raw = end("raw", "model.vision.depth=0");
    try (TensorSource source = raw.source("parameters")) {
      assertTrue(source.names().stream().noneMatch(name -> name.startsWith("vision/blocks")));
      assertTrue(source.names().contains("vision/embedding/kernel"));
    }
  }

  @Test
  void whatCannotBeTrainedOrExportedIsNamedAtOnce() {
    InvalidConfigException e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                TINY.bind(
                    folder,
                    "model.connector=mlp",
                    "stages.stage1.lossFrom=prefix",
                    "stages.stage1.export.formats=[huggingface]",
                    "stages.stage1.imageRopeFactor=2",
                    "stages.stage1.resolution=48",
                    "stages.stage1.imageWindow=32",
                    "stages[0].handOver.reset=[vision]"));
    String message = String.valueOf(e.getMessage());
    assertEquals(4, e.problems().size(), message);
    assertTrue(
        message.contains("stages[1].lossFrom: is 'prefix', but prompts are not causal"), message);
    assertTrue(
        message.contains(
            "stages[1].export.formats: must be [] for this model: its connector is an MLP"),
        message);
    assertTrue(message.contains("; its image tokens share rotary positions, and"), message);
    assertTrue(
        message.contains("stages[1].resolution: must be a multiple of imageWindow 32, got 48"),
        message);
    assertTrue(message.contains("stages[0].handOver.reset: needs a stage"), message);
  }

  @Test
  void windowsAreOfWholePatchesAndDecideWhetherPositionsMove() {
    InvalidConfigException e =
        assertThrows(
            InvalidConfigException.class, () -> TINY.bind(folder, "stages.stage1.imageWindow=12"));
    assertEquals(1, e.problems().size());
    assertTrue(
        String.valueOf(e.getMessage())
            .contains("stages[1].imageWindow: must be a multiple of the patch size 8, got 12"));
    String[] keep = {
      "stages.stage1.handOver.positionEmbedding=keep", "stages.stage1.resolution=32"
    };
    assertTrue(
        String.valueOf(
                assertThrows(InvalidConfigException.class, () -> TINY.bind(folder, keep))
                    .getMessage())
            .contains("is 'keep', but the resolution changes from 16"));
    TINY.bind(folder, keep[0], keep[1], "stages.stage1.imageWindow=16");
  }
}
