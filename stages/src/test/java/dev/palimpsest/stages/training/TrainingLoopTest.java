package dev.palimpsest.stages.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.TinyStage;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StepCost;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loop on a tiny stage of six steps, by itself: no runner around it. */
class TrainingLoopTest {
  @TempDir private Path folder;

  /** As measured on a machine that was busy: no step is that slow. */
  private static final Peak TOO_LOW = new Peak(1, "one operation a second");

  /** What the loop reports, in words. */
  private static final class Reports implements Progress {
    private final List<String> all = new ArrayList<>();
    private final Consumer<StepMetrics> afterStep;

    Reports(Consumer<StepMetrics> afterStep) {
      this.afterStep = afterStep;
    }

    @Override
    public void start(StageConfig stage, long fromExamples) {
      all.add(stage.name() + " from " + fromExamples);
    }

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      all.add("step " + metrics.step() + " to " + metrics.examples());
      afterStep.accept(metrics);
    }

    @Override
    public void end() {
      all.add("end");
    }
  }

  /** Trains from a state to the stage's end. */
  private static TrainState train(
      TinyStage stage, TrainState from, StopRequest stop, Progress progress) {
    try (StageCheckpoints checkpoints = stage.checkpoints(from)) {
      return new TrainingLoop(
              stage.run(progress, stop),
              stage.stageModel(),
              new StepCost(stage.cost().model(), stage.cost().trained(), TOO_LOW),
              stage.mixture(),
              DataParallel.NONE)
          .run(stage.manager(), from, checkpoints, stage.evaluations(stop));
    }
  }

  private static List<String> checkpoints(TinyStage stage) {
    return new CheckpointStore(stage.checkpointFolder()).names();
  }

  private static void assertSameBits(TrainState expected, TrainState actual) {
    for (Map.Entry<String, float[]> e : values(expected).entrySet()) {
      assertArrayEquals(e.getValue(), values(actual).get(e.getKey()), e.getKey());
    }
    assertEquals(expected.updates(), actual.updates());
    assertEquals(expected.examples(), actual.examples());
    assertEquals(expected.consumed(), actual.consumed());
  }

  private static Map<String, float[]> values(TrainState state) {
    Map<String, float[]> values = new LinkedHashMap<>();
    state.parameters().asMap().forEach((name, array) -> values.put(name, array.toFloatArray()));
    return values;
  }

  @Test
  void everyStepIsMadeReportedAndLoggedOnce() throws IOException {
    try (TinyStage stage = TinyStage.open(folder)) {
      List<Double> shares = new ArrayList<>();
      Reports reports = new Reports(step -> shares.add(step.mfu()));
      TrainState end = train(stage, stage.start(), new StopRequest(), reports);
      assertEquals(24, end.examples());
      assertEquals(6, end.updates());
      assertEquals(
          List.of(
              "stage1 from 0",
              "step 1 to 4",
              "step 2 to 8",
              "step 3 to 12",
              "step 4 to 16",
              "step 5 to 20",
              "step 6 to 24",
              "end"),
          reports.all);
      // Of the peak, which is at least what the fastest step so far has reached.
      assertEquals(1, shares.get(0));
      assertTrue(shares.stream().allMatch(share -> share > 0 && share <= 1), shares.toString());
      assertEquals(6, Files.readAllLines(stage.folder().metrics("stage1")).size());
      // The examples are those of the mixture's positions 0 to 23, in order.
      List<String> ids = new ArrayList<>();
      for (int position = 0; position < 24; position++) {
        ids.add('"' + stage.mixture().example(position).id() + '"');
      }
      StringBuilder logged = new StringBuilder();
      for (String line : Files.readAllLines(stage.folder().examples("stage1"))) {
        logged.append(line.replaceAll(".*\\[(.*)].*", "$1")).append(',');
      }
      assertEquals(String.join(",", ids) + ",", logged.toString());
    }
  }

  @Test
  void statesAreScoredAndSavedAtTheirCadencesButNotAtTheEnd() {
    try (TinyStage stage = TinyStage.open(folder)) {
      train(stage, stage.start(), new StopRequest(), new Reports(step -> {}));
      assertEquals(List.of("examples-000000000008", "examples-000000000016"), checkpoints(stage));
      assertEquals(
          List.of("at-000000000008", "at-000000000016"), List.copyOf(stage.scores().keySet()));
    }
  }

  @Test
  void aCheckpointOnTheWayLeadsToTheSameBitsAndTheSameLogs() throws IOException {
    try (TinyStage stage = TinyStage.open(folder)) {
      TrainState whole = train(stage, stage.start(), new StopRequest(), new Reports(step -> {}));
      byte[] examples = Files.readAllBytes(stage.folder().examples("stage1"));
      Reports reports = new Reports(step -> {});
      TrainState resumed = train(stage, stage.saved(16), new StopRequest(), reports);
      assertEquals(List.of("stage1 from 16", "step 5 to 20", "step 6 to 24", "end"), reports.all);
      assertSameBits(whole, resumed);
      assertArrayEquals(examples, Files.readAllBytes(stage.folder().examples("stage1")));
      assertEquals(6, Files.readAllLines(stage.folder().metrics("stage1")).size());
    }
  }

  @Test
  void aStopIsObeyedAfterTheStepWithItsStateSaved() {
    try (TinyStage stage = TinyStage.open(folder)) {
      StopRequest stop = new StopRequest();
      Reports reports =
          new Reports(
              step -> {
                assertTrue(stop.isAwaited(), "a step that no checkpoint holds");
                if (step.step() == 3) {
                  stop.make();
                }
              });
      StoppedException stopped =
          assertThrows(StoppedException.class, () -> train(stage, stage.start(), stop, reports));
      assertEquals(
          "stopped stage1 at 12 of 24 examples, saved; run the same command to resume",
          stopped.getMessage());
      assertTrue(stop.isAwaited(), "the end is recorded before the process is gone");
      assertEquals("end", reports.all.get(reports.all.size() - 1));
      assertTrue(checkpoints(stage).contains("examples-000000000012"), checkpoints(stage) + "");
      TrainState resumed =
          train(stage, stage.saved(12), new StopRequest(), new Reports(step -> {}));
      try (TinyStage other = TinyStage.open(folder.resolve("other"))) {
        assertSameBits(
            train(other, other.start(), new StopRequest(), new Reports(step -> {})), resumed);
      }
    }
  }

  /** As after a power cut between a log's line and the next checkpoint. */
  @Test
  void aStepThatFailsLeavesTheLastCheckpointAndLogsThatFitIt() throws IOException {
    try (TinyStage stage = TinyStage.open(folder)) {
      IllegalStateException failure = new IllegalStateException("failed");
      Reports reports =
          new Reports(
              step -> {
                if (step.step() == 4) {
                  throw failure;
                }
              });
      assertEquals(
          failure,
          assertThrows(
              IllegalStateException.class,
              () -> train(stage, stage.start(), new StopRequest(), reports)));
      assertEquals("end", reports.all.get(reports.all.size() - 1));
      assertEquals(List.of("examples-000000000008"), checkpoints(stage));
      assertEquals(4, Files.readAllLines(stage.folder().metrics("stage1")).size());
      train(stage, stage.saved(8), new StopRequest(), new Reports(step -> {}));
      assertEquals(6, Files.readAllLines(stage.folder().metrics("stage1")).size());
    }
  }

  @Test
  void linesAreLoggedAtTheirCadenceAndAtTheEnd() throws IOException {
    try (TinyStage stage =
        TinyStage.open(folder, "stages.stage1.logEveryExamples=16", "stages.stage1.examples=40")) {
      train(stage, stage.start(), new StopRequest(), new Reports(step -> {}));
      assertEquals(
          List.of("16", "32", "40"),
          Files.readAllLines(stage.folder().metrics("stage1")).stream()
              .map(line -> line.replaceAll(".*\"examples\":(\\d+).*", "$1"))
              .toList());
    }
  }

  @Test
  void stepsLeaveNoArraysInTheStagesManager() {
    try (TinyStage stage =
        TinyStage.open(
            folder,
            "stages.stage1.examples=80",
            "stages.stage1.checkpoint={}",
            "stages.stage1.evaluate={}")) {
      TrainState start = stage.start();
      List<Integer> counts = new ArrayList<>();
      train(
          stage,
          start,
          new StopRequest(),
          new Reports(step -> counts.add(stage.manager().getManagedArrays().size())));
      assertEquals(20, counts.size());
      assertEquals(1, counts.stream().distinct().count(), counts.toString());
    }
  }
}
