package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.StoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One stage through its runner, after a real import. */
class StageRunnerTest {
  @TempDir private Path run;

  private final List<String> events = new ArrayList<>();
  private final StopRequest stop = new StopRequest();

  private final class Events implements Progress {
    @Override
    public void start(StageConfig stage, long fromExamples) {
      events.add("trains from " + fromExamples);
    }

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      events.add("step " + metrics.step());
    }

    @Override
    public void end() {}
  }

  /** Runs the stage in a manager of its own, which must hold nothing afterwards. */
  private StageResult run(TinyStage stage, boolean acceptsChanges) {
    events.clear();
    StageRunner runner =
        new StageRunner(
            stage.run(new Events(), stop),
            stage.config(),
            stage.tokenizer(),
            new Ranks(DataParallel.NONE),
            precision -> Peak.UNKNOWN,
            Map.of("commit", "0123456789abcdef"),
            acceptsChanges,
            new SharedStages(null));
    try (NDManager manager = stage.manager().newSubManager()) {
      StageResult result =
          runner.run(
              manager, stage.tokenizerHash(), stage.earlier(), () -> events.add("described"));
      assertEquals(0, manager.getManagedArrays().size());
      return result;
    }
  }

  private StageResult run(String... sets) {
    try (TinyStage stage = TinyStage.open(run, sets)) {
      return run(stage, false);
    }
  }

  @Test
  void aStageIsDescribedTrainedScoredSavedExportedAndRecorded() throws IOException {
    StageResult result = run();
    assertEquals(
        List.of(
            "described",
            "trains from 0",
            "step 1",
            "step 2",
            "step 3",
            "step 4",
            "step 5",
            "step 6"),
        events);
    assertEquals(
        Set.of("before", "at-000000000008", "at-000000000016", "after"), result.scores().keySet());
    assertEquals(24, StageFacts.of(CheckpointStore.open(result.checkpoint())).examples());
    assertEquals(
        List.of("examples-000000000024"),
        new CheckpointStore(run.resolve("stage1/checkpoints")).names(),
        "a finished stage keeps its end alone");
    assertEquals(List.of(run.resolve("stage1/export/big_vision.npz")), result.exports());
    assertTrue(Files.size(result.exports().get(0)) > 0);
    assertTrue(result.notes().get(0).startsWith("starts from stage0 at 0"), result.notes() + "");
    assertEquals(
        result.fingerprint(),
        RunFolder.readJson(run.resolve("stage1/stage.json"))
            .orElseThrow()
            .path("fingerprint")
            .asText());
  }

  @Test
  void aFinishedStageIsNotRunAgain() throws IOException {
    StageResult first = run();
    var written = Files.getLastModifiedTime(run.resolve("stage1/stage.json"));
    assertEquals(first, run());
    assertEquals(List.of(), events);
    assertEquals(written, Files.getLastModifiedTime(run.resolve("stage1/stage.json")));
  }

  @Test
  void aFinishedStageIsExportedAnewWithoutTraining() {
    StageResult first = run();
    StageResult second = run("stages.stage1.export.formats=[huggingface]");
    assertEquals(List.of("described"), events);
    assertEquals(List.of(run.resolve("stage1/export/huggingface")), second.exports());
    assertEquals(first.scores(), second.scores());
    assertEquals(first.fingerprint(), second.fingerprint());
  }

  @Test
  void otherSettingsAreRefusedBeforeAnythingIsDescribed() {
    run();
    assertThrows(InvalidConfigException.class, () -> run("stages.stage1.labelSmoothing=0.1"));
    assertEquals(List.of(), events);
    try (TinyStage other = TinyStage.open(run, "stages.stage1.labelSmoothing=0.1")) {
      StageResult accepted = run(other, true);
      assertEquals(1, accepted.accepted().size());
    }
    assertEquals(List.of(), events, "a finished stage is taken, not trained");
  }

  @Test
  void aStopBeforeTheFirstStepTrainsNothingAndTheSameRunGoesOn() {
    try (TinyStage stage = TinyStage.open(run)) {
      stop.make();
      StoppedException stopped = assertThrows(StoppedException.class, () -> run(stage, false));
      assertTrue(
          String.valueOf(stopped.getMessage()).contains("before the first step of stage1"),
          stopped.getMessage());
      assertEquals(List.of("described"), events);
      assertFalse(Files.exists(run.resolve("stage1/stage.json")));
    }
    StageRunnerTest again = new StageRunnerTest();
    again.run = run;
    assertEquals(4, again.run().scores().size());
  }

  /** Only now is it known where the parent's curve stands. */
  @Test
  void aCurveThatContinuesAndEndsWithinItsWarmUpIsRefusedBeforeTheStageIsDescribed() {
    String parent = run().checkpoint().toString();
    events.clear();
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> {
              try (TinyStage next =
                  TinyStage.open(
                      run.resolve("next"),
                      "stages.stage1.init={checkpoint: '" + parent + "'}",
                      "stages.stage1.evaluate={}",
                      "stages.stage1.optimizer.schedule={cosine: {warmupExamples: 48}}")) {
                run(next, false);
              }
            });
    assertEquals(
        "stages.stage1.optimizer.schedule.cosine.warmupExamples: must be shorter than the"
            + " learning-rate curve, which ends at 48 examples, got 48",
        refused.getMessage());
    assertEquals(List.of(), events);
  }

  @Test
  void aStageWithoutExamplesIsScoredAndExportedAsItStarts() {
    StageResult result =
        run("stages.stage1.examples=0", "stages.stage1.evaluate={suites: [heldout]}");
    assertEquals(List.of("described"), events);
    assertEquals(Set.of("after"), result.scores().keySet());
    assertEquals(0, StageFacts.of(CheckpointStore.open(result.checkpoint())).examples());
  }
}
