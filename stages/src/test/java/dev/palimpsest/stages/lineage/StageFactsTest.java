package dev.palimpsest.stages.lineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.lineage.StageFacts.TrainedOrientation;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StageFactsTest {
  private static final StageFacts FACTS =
      new StageFacts(
          "recipe",
          "name: recipe",
          "stage1",
          "f".repeat(64),
          Map.of("seed", "3"),
          new TrainingData(Map.of("caption", Map.of("rows", "12"))),
          new StageFacts.Ancestry(
              List.of("parent"),
              List.of(
                  new Lineage.Ancestor(
                      Lineage.Ancestor.PUBLISHED,
                      "parent",
                      "vision",
                      0,
                      "v",
                      List.of(),
                      List.of())),
              List.of(
                  new Lineage.Acceptance(
                      Lineage.Acceptance.RESUMED, 8, "before", "after", List.of("seed: 2 -> 3"))),
              List.of("moved")),
          Map.of("threads", 2),
          new ModelConfig(
              new VisionConfig(16, 1, 32, 2, 8, 1e-6),
              new LanguageConfig(64, 16, 1, 32, 2, 1, 8, 8, 0, 50, false, 0, 10_000, 1e-6)),
          16,
          24,
          new ImageConfig(ImageConfig.Resize.BILINEAR, true),
          TrainedOrientation.EXIF,
          "../tokenizer.model",
          16,
          "stage0");

  @TempDir Path folder;

  /** A checkpoint with facts, read back from its files. */
  private TrainingCheckpoint checkpoint(Map<String, Object> facts) {
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = Parameters.zeros(manager, Map.of("w", new Shape(1)))) {
      return CheckpointStore.open(
          new CheckpointStore(folder.resolve("checkpoints"))
              .commit("examples-000000000016", Map.of("parameters", parameters), facts));
    }
  }

  private CheckpointFormatException refused(Map<String, Object> facts) {
    TrainingCheckpoint checkpoint = checkpoint(facts);
    return assertThrows(CheckpointFormatException.class, () -> StageFacts.of(checkpoint));
  }

  @Test
  void whatIsWrittenIsRead() {
    assertEquals(FACTS, StageFacts.of(checkpoint(FACTS.toMap())));
    assertEquals(32, StageFacts.of(checkpoint(FACTS.at(32).toMap())).examples());
  }

  @Test
  void factsWithoutAVersionMayLackWhatTheyDidNotKnow() {
    Map<String, Object> old = FACTS.toMap();
    for (String name :
        List.of("factsVersion", "data", "lineage", "environment", "textTokens", "orientation")) {
      old.remove(name);
    }
    StageFacts facts = StageFacts.of(checkpoint(old));
    assertEquals(FACTS.fingerprint(), facts.fingerprint());
    assertEquals(FACTS.model(), facts.model());
    assertEquals(TrainingData.NONE, facts.data());
    assertNull(facts.lineage());
    assertEquals(List.of(), facts.accepted());
    assertEquals(List.of(), facts.moves());
    assertEquals(Map.of(), facts.environment());
    assertEquals(512, facts.textTokens());
    assertEquals(TrainedOrientation.STORED, facts.orientation());
  }

  @Test
  void aLineageWithoutAVersionMayLackMoves() {
    Map<String, Object> old = FACTS.toMap();
    old.remove("factsVersion");
    old.put(
        "lineage", Map.of("parents", List.of("p"), "ancestors", List.of(), "accepted", List.of()));
    StageFacts.Ancestry lineage = StageFacts.of(checkpoint(old)).lineage();
    assertEquals(new StageFacts.Ancestry(List.of("p"), List.of(), List.of(), List.of()), lineage);
  }

  @Test
  void aLaterVersionIsRefusedInOneSentence() {
    Map<String, Object> later = FACTS.toMap();
    later.put("factsVersion", 3);
    CheckpointFormatException refused = refused(later);
    assertEquals(Kind.TOO_NEW, refused.kind());
    assertTrue(
        String.valueOf(refused.getMessage())
            .endsWith(
                "examples-000000000016: has facts of version 3, this program reads up to 2;"
                    + " update it"),
        refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"recipe", "fingerprint", "model", "tokenizer", "examples", "lineage"})
  void aMissingFactIsNamed(String name) {
    Map<String, Object> facts = FACTS.toMap();
    facts.remove(name);
    CheckpointFormatException refused = refused(facts);
    assertEquals(Kind.FOREIGN, refused.kind());
    assertTrue(
        String.valueOf(refused.getMessage())
            .endsWith("is not a checkpoint of a stage: its manifest has no '%s'".formatted(name)),
        refused.getMessage());
  }

  @Test
  void aFactOfAnotherKindIsRefused() {
    Map<String, Object> facts = FACTS.toMap();
    facts.put("model", List.of(1, 2));
    assertEquals(Kind.CORRUPT, refused(facts).kind());
  }
}
