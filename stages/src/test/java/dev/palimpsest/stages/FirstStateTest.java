package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.handover.FirstParameters;
import dev.palimpsest.stages.handover.StageStart;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.preparation.LongWork;
import dev.palimpsest.stages.state.TrainState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a stage begins, imported or handed over, and what the run folder says of it. */
class FirstStateTest {
  @TempDir private Path run;

  private final List<String> shown = new ArrayList<>();

  /** Shows the amount of work, its unit and what was last done of it. */
  private final LongWork progress =
      new LongWork() {
        @Override
        public Work begin(String what, String unit, long total) {
          shown.add("%s, %d %s".formatted(what, total, unit));
          return done -> shown.add(done + " " + unit);
        }
      };

  private FirstState of(TinyStage stage, StageConfig which, RunFolder folder) {
    return new FirstState(
        folder,
        stage.recipe(),
        which,
        Parent.of(which, stage.earlier()),
        stage.record(false),
        Map.of("commit", "0123456789abcdef"),
        progress);
  }

  @Test
  void anImportBecomesTheStagesCheckpointAtZeroAndItsProgressEndsAtTheWhole() {
    try (TinyStage stage = TinyStage.open(run)) {
      StageConfig importing = stage.recipe().stages().get(0);
      RunFolder other = new RunFolder(run.resolve("again"));
      CheckpointStore store = new CheckpointStore(other.checkpoints(importing.name()));
      TrainingCheckpoint imported = of(stage, importing, other).imported(store).orElseThrow();
      assertEquals(List.of("examples-000000000000"), store.names());
      assertEquals(0, StageFacts.of(imported).examples());
      TrainingCheckpoint before =
          CheckpointStore.open(Objects.requireNonNull(stage.earlier().get("stage0")).checkpoint());
      try (TensorSource ours = imported.source("parameters");
          TensorSource theirs = before.source("parameters")) {
        assertEquals(theirs.names(), ours.names(), "as the pipeline imports them");
      }
      assertTrue(shown.get(0).startsWith("stage0: importing, "), shown.get(0));
      String total = shown.get(0).substring("stage0: importing, ".length());
      assertEquals(total, shown.get(shown.size() - 1));
      assertTrue(
          StageStart.notes(other, "stage0", stage.record(false).fingerprint()).size() > 0,
          "start.json says what was imported");
    }
  }

  @Test
  void aStageThatStartsFromAnotherImportsNothingAndRecordsTheHandOver() {
    try (TinyStage stage = TinyStage.open(run)) {
      StageConfig next = stage.config();
      FirstState first = of(stage, next, stage.folder());
      assertEquals(Optional.empty(), first.imported(new CheckpointStore(stage.checkpointFolder())));
      PipelineConfig recipe = stage.recipe();
      TrainState state =
          first.handedOver(
              stage.manager(),
              new FirstParameters(
                  next, next.model(recipe.model()), stage.model(), stage.mixture(), recipe.seed()));
      assertEquals(0, state.examples());
      assertEquals(
          "starts from stage0 at 0 examples",
          StageStart.notes(stage.folder(), "stage1", stage.record(false).fingerprint()).get(0));
      assertEquals(List.of(), shown);
    }
  }

  @Test
  void aWarmUpAsLongAsTheCurveIsRefusedWithItsPath() {
    try (TinyStage stage =
        TinyStage.open(run, "stages.stage1.optimizer.schedule={cosine: {warmupExamples: 20}}")) {
      FirstState.requireSchedules(stage.config(), 24);
      InvalidConfigException refused =
          assertThrows(
              InvalidConfigException.class, () -> FirstState.requireSchedules(stage.config(), 20));
      assertEquals(
          "stages.stage1.optimizer.schedule.cosine.warmupExamples: must be shorter than the"
              + " learning-rate curve, which ends at 20 examples, got 20",
          refused.getMessage());
    }
  }
}
