package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.EngineFacts;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What a run folder records of a stage, written and read by the record itself. */
class StageRecordTest {
  private static final String OTHER = "stages.stage1.labelSmoothing=0.1";

  @TempDir private Path run;

  /** A checkpoint of the stage's first state, as its training would leave it. */
  private static TrainingCheckpoint checkpoint(TinyStage stage) {
    TrainState state = stage.start();
    return CheckpointStore.open(
        StateFiles.commit(
            new CheckpointStore(stage.checkpointFolder()), state, stage.facts(state), Map.of()));
  }

  /** Finishes the stage as if it had trained, with one export. */
  private static StageResult finish(TinyStage stage) throws IOException {
    Path export = stage.folder().export("stage1").resolve("big_vision.npz");
    Files.writeString(export, "an export");
    StageRecord record = stage.record(false);
    StageResult result =
        new StageResult(
            "stage1",
            record.fingerprint(),
            checkpoint(stage).folder(),
            Map.of(),
            List.of("a note", "another"),
            List.of(export),
            1.5,
            List.of());
    record.write(result);
    return result;
  }

  private static String refused(Executable call) {
    return String.valueOf(assertThrows(InvalidConfigException.class, call).getMessage());
  }

  @Test
  void nothingIsReadUntilTheStageIsFinishedAndThenWhatWasWritten() throws IOException {
    try (TinyStage stage = TinyStage.open(run)) {
      assertEquals(Optional.empty(), stage.record(false).read());
      StageResult written = finish(stage);
      StageRecord record = stage.record(false);
      assertEquals(Optional.of(written), record.read());
      assertFalse(record.isReused());
      assertEquals(record.fingerprint(), record.firstFingerprint());
      record.requireCheckpoint(written);
    }
  }

  @Test
  void anotherStageOfTheSameNameIsRefusedWithWhatIsDifferent() throws IOException {
    try (TinyStage stage = TinyStage.open(run)) {
      finish(stage);
    }
    try (TinyStage other = TinyStage.open(run, OTHER)) {
      String message = refused(() -> other.record(false).read());
      assertTrue(message.contains("stages.stage1: stage.labelSmoothing: 0 -> 0.1"), message);
      assertTrue(message.contains("--accept-changes stage1"), message);
    }
  }

  @Test
  void acceptedChangesOfAFinishedStageAreWrittenDownAndStayAccepted() throws IOException {
    String before;
    try (TinyStage stage = TinyStage.open(run)) {
      before = finish(stage).fingerprint();
    }
    try (TinyStage other = TinyStage.open(run, OTHER)) {
      for (boolean accepts : new boolean[] {true, false}) {
        StageRecord record = other.record(accepts);
        StageResult result = record.read().orElseThrow();
        assertEquals(before, result.fingerprint());
        assertTrue(record.isReused());
        assertEquals(before, record.firstFingerprint());
        assertEquals(
            List.of(
                new Lineage.Acceptance(
                    Lineage.Acceptance.REUSED,
                    24,
                    before,
                    record.fingerprint(),
                    List.of("stage.labelSmoothing: 0 -> 0.1"))),
            record.accepted());
      }
    }
  }

  @Test
  void aCheckpointOfOtherSettingsIsRefusedOrAccepted() {
    TrainingCheckpoint checkpoint;
    try (TinyStage stage = TinyStage.open(run)) {
      checkpoint = checkpoint(stage);
      stage.record(false).requireSame(checkpoint);
    }
    try (TinyStage other = TinyStage.open(run, OTHER)) {
      String message = refused(() -> other.record(false).requireSame(checkpoint));
      assertTrue(message.contains("stage.labelSmoothing: 0 -> 0.1"), message);
      StageRecord record = other.record(true);
      record.requireSame(checkpoint);
      assertEquals(Lineage.Acceptance.RESUMED, record.accepted().get(0).how());
      assertFalse(record.isReused());
      // Checkpoints that follow carry it.
      StageFacts facts = record.facts(other.recipe(), other.parent(), Map.of(), 0, "stage1");
      assertEquals(record.accepted(), facts.accepted());
    }
  }

  @Test
  void exportsAreCompleteWhileTheirFilesAndTheirSettingsAreTheSame() throws IOException {
    String[] noScores = {"stages.stage1.evaluate={}"};
    try (TinyStage stage = TinyStage.open(run, noScores)) {
      StageResult result = finish(stage);
      assertTrue(stage.record(false).isComplete(result));
      Files.delete(result.exports().get(0));
      assertFalse(stage.record(false).isComplete(result), "an export is missing");
      Files.writeString(result.exports().get(0), "an export");
      assertTrue(stage.record(false).isComplete(result));
    }
    try (TinyStage other =
        TinyStage.open(run, noScores[0], "stages.stage1.export.formats=[huggingface]")) {
      StageRecord record = other.record(false);
      assertFalse(record.isComplete(record.read().orElseThrow()), "other formats");
    }
    try (TinyStage other = TinyStage.open(run, "stages.stage1.evaluate={suites: [heldout]}")) {
      StageRecord record = other.record(false);
      assertFalse(record.isComplete(record.read().orElseThrow()), "no scores yet");
    }
  }

  @Test
  void aFinishedStageNeedsItsLastCheckpoint() throws IOException {
    try (TinyStage stage = TinyStage.open(run)) {
      StageResult result = finish(stage);
      Path arrays = result.checkpoint().resolve("parameters.safetensors");
      byte[] bytes = Files.readAllBytes(arrays);
      Files.write(arrays, new byte[10]);
      String damaged = refused(() -> stage.record(false).requireCheckpoint(result));
      assertTrue(damaged.contains("its last checkpoint is not intact"), damaged);
      assertTrue(damaged.contains(arrays.toString()), damaged);
      Files.write(arrays, bytes);
      stage.record(false).requireCheckpoint(result);
    }
  }

  @Test
  void onlyWhatChangesBitsCountsAsAMove() {
    try (TinyStage stage = TinyStage.open(run)) {
      String kernels = EngineFacts.NAMES.get(0);
      TrainState state = stage.start();
      StageFacts facts =
          stage
              .record(false)
              .facts(
                  stage.recipe(),
                  stage.parent(),
                  Map.of(kernels, "one", "host", "here"),
                  0,
                  "stage1");
      TrainingCheckpoint checkpoint =
          CheckpointStore.open(
              StateFiles.commit(
                  new CheckpointStore(stage.checkpointFolder()), state, facts, Map.of()));
      StageRecord record = stage.record(false);
      assertEquals(
          Optional.empty(), record.moved(checkpoint, Map.of(kernels, "one", "host", "there")));
      assertEquals(Optional.empty(), record.moved(checkpoint, Map.of("host", "there")));
      String move = record.moved(checkpoint, Map.of(kernels, "two")).orElseThrow();
      assertTrue(move.startsWith("at 0 examples moved to"), move);
      assertTrue(move.contains(kernels + ": one -> two"), move);
      assertEquals(
          List.of(move),
          record.facts(stage.recipe(), stage.parent(), Map.of(), 0, "stage1").moves());
    }
  }

  @Test
  void parametersOfAnotherSizeAreNamed() {
    try (TinyStage stage = TinyStage.open(run)) {
      TrainState state = stage.start();
      stage.record(false).requireShapes(state.parameters());
      Parameters wrong = state.parameters();
      try (TinyStage larger =
          TinyStage.open(
              run.resolve("larger"), "stages.stage1.resolution=32", "stages.stage1.evaluate={}")) {
        String message = refused(() -> larger.record(false).requireShapes(wrong));
        assertTrue(message.contains("vision/position_embedding: (4, 16), now (16, 16)"), message);
      }
    }
  }

  @Test
  void filesOfTheRunFolderAreNamedRelativeToTheCheckpoint() {
    try (TinyStage stage = TinyStage.open(run)) {
      TrainState state = stage.start();
      StageFacts facts = stage.facts(state);
      assertEquals("../../../data/tokenizer.model", facts.tokenizer());
      assertEquals(
          stage.tokenizerHash(),
          ContentHash.of(
              stage
                  .checkpointFolder()
                  .resolve(StateFiles.name(0))
                  .resolve(facts.tokenizer())
                  .normalize()));
      assertTrue(facts.recipeYaml().contains("${run}/data"), facts.recipeYaml());
      assertFalse(facts.recipeYaml().contains(run.toString()), facts.recipeYaml());
      assertEquals(StageFacts.TrainedOrientation.STORED, facts.orientation());
    }
  }

  @Test
  void anImportHasSeenNoPictureTurned() {
    try (TinyStage stage = TinyStage.open(run)) {
      StageFacts facts = StageFacts.of(stage.parent().checkpoint());
      assertEquals(StageFacts.TrainedOrientation.STORED, facts.orientation());
    }
  }

  @Test
  void aRecordThatSomebodyDamagedIsNamed() throws IOException {
    try (TinyStage stage = TinyStage.open(run)) {
      finish(stage);
      Path file = stage.folder().finished("stage1");
      String text = Files.readString(file);
      for (String damaged :
          List.of(
              text.replace("\"accepted\" : [ ]", "\"accepted\" : [ 1 ]"),
              text.replace("\"stage\" :", "\"stage\" : \"another\", \"stage\" :"))) {
        assertFalse(damaged.equals(text));
        Files.writeString(file, damaged);
        String message = refused(() -> stage.record(false).read());
        assertTrue(message.startsWith(file + ": is damaged"), message);
      }
    }
  }
}
