package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.StoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PipelineTest {
  private static final TinyRun TINY =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            ocr: {source: {jsonl: '${run}/data/ocr.train.jsonl'}}
          suites:
            heldout:
              tasks:
                caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 3}}
          """,
          """
            - name: stage1
              init: {stage: stage0}
              examples: 24
              resolution: 16
              textTokens: 16
              batchSize: 4
              microBatch: 2
              dropout: 0.1
              mixture: {caption: 2, ocr: 1}
              optimizer: {learningRate: 1e-3, schedule: {rsqrt: {warmupExamples: 8, timescaleExamples: 16}}}
              checkpoint: {everyExamples: 8}
              evaluate: {suites: [heldout], everyExamples: 16}
              export: {formats: []}
            - name: stage2
              init: {stage: stage1}
              examples: 8
              resolution: 32
              textTokens: 16
              batchSize: 4
              mixture: {caption: 1}
              optimizer: {learningRate: 1e-3, schedule: {rsqrt: {warmupExamples: 8, timescaleExamples: 16}}}
              evaluate: {suites: [heldout]}
              export: {formats: [huggingface, big_vision]}
          """);

  @TempDir Path folder;

  private static byte[] arrays(StageResult result, String group) throws IOException {
    return Files.readAllBytes(result.checkpoint().resolve(group + ".safetensors"));
  }

  private static void assertSameBits(List<StageResult> a, List<StageResult> b) throws IOException {
    for (int i = 0; i < a.size(); i++) {
      assertArrayEquals(
          arrays(a.get(i), "parameters"), arrays(b.get(i), "parameters"), a.get(i).name());
      assertEquals(a.get(i).scores(), b.get(i).scores());
    }
    StageResult last = a.get(a.size() - 1);
    assertArrayEquals(arrays(last, "nu"), arrays(b.get(b.size() - 1), "nu"));
  }

  @Test
  void twoRunsAndAnInterruptedOneEndInTheSameBits() throws IOException {
    List<StageResult> first = TINY.run(folder.resolve("a"));
    List<StageResult> second = TINY.run(folder.resolve("b"));
    assertSameBits(first, second);

    // Between two checkpoints of stage 1, then in stage 2, which keeps none but its end.
    TINY.crash(folder.resolve("c"), 5);
    TINY.crash(folder.resolve("c"), 3);
    List<StageResult> resumed = TINY.run(folder.resolve("c"));
    assertSameBits(first, resumed);
    assertEquals(
        examples(folder.resolve("a/stage1/metrics.jsonl")),
        examples(folder.resolve("c/stage1/metrics.jsonl")));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("a/stage1/examples.jsonl")),
        Files.readAllBytes(folder.resolve("c/stage1/examples.jsonl")));
    assertTrue(first.get(1).scores().keySet().containsAll(List.of("before", "after")));
    assertTrue(Files.exists(folder.resolve("a/stage2/export/huggingface/config.json")));
    assertTrue(Files.exists(folder.resolve("a/stage2/export/big_vision.npz")));
  }

  /** Read once, and not again when the run ended before it had saved anything else. */
  @Test
  void aStageThatTrainsPublishedTowersGoesOnFromItsFirstCheckpoint() throws IOException {
    String[] trained = {
      "stages.stage0.examples=8",
      "stages.stage0.batchSize=4",
      "stages.stage0.mixture={caption: 1}",
      "stages.stage0.optimizer={learningRate: 1e-3, schedule: {rsqrt: {warmupExamples: 4,"
          + " timescaleExamples: 16}}}",
      "stages.stage0.evaluate={suites: [heldout]}",
      "stages.stage0.checkpoint={everyExamples: 4, keepEveryExamples: 4}"
    };
    List<StageResult> whole = TINY.run(folder.resolve("a"), trained);
    assertEquals(
        List.of("examples-000000000004", "examples-000000000008"),
        new CheckpointStore(folder.resolve("a/stage0/checkpoints")).names(),
        "the first is no milestone");

    Path out = folder.resolve("b");
    TINY.crash(out, 1, trained);
    Path first = out.resolve("stage0/checkpoints/examples-000000000000/manifest.json");
    FileTime imported = Files.getLastModifiedTime(first);
    TINY.crash(out, 1, trained);
    assertEquals(imported, Files.getLastModifiedTime(first));
    List<StageResult> resumed = TINY.run(out, trained);
    assertSameBits(whole, resumed);
    List<String> notes = resumed.get(0).notes();
    assertTrue(notes.contains("resumed from its checkpoint at 0 examples"), notes.toString());
    for (String note : whole.get(0).notes()) {
      String here = note.replace(folder.resolve("a").toString(), out.toString());
      assertTrue(notes.contains(here), () -> here + " is not among " + notes);
    }
  }

  /** The image tower at another resolution, for others to train on. */
  @Test
  void aStageWithoutExamplesPassesOnWhatItTookOver() {
    List<StageResult> results =
        TINY.run(
            folder.resolve("run"),
            "stages.stage1.examples=12",
            "stages.stage2.examples=0",
            "stages.stage2.export.formats=[]");
    TrainingCheckpoint parent = CheckpointStore.open(results.get(1).checkpoint());
    TrainingCheckpoint passedOn = CheckpointStore.open(results.get(2).checkpoint());
    assertEquals(parent.groups(), passedOn.groups());
    for (String group : parent.groups()) {
      try (TensorSource before = parent.source(group);
          TensorSource after = passedOn.source(group)) {
        assertEquals(List.copyOf(before.names()), List.copyOf(after.names()));
        for (String name : before.names()) {
          if (name.equals("vision/position_embedding")) {
            assertEquals(4 * before.shape(name).get(0), after.shape(name).get(0), group);
          } else {
            assertArrayEquals(before.floats(name), after.floats(name), 0, group + " " + name);
          }
        }
      }
    }
    assertEquals(parent.facts().get("updates"), passedOn.facts().get("updates"));
  }

  private static List<String> examples(Path metrics) throws IOException {
    return Files.readAllLines(metrics).stream()
        .map(line -> line.replaceAll(".*(\"examples\":[0-9]+).*(\"loss\"|$).*", "$1"))
        .toList();
  }

  @Test
  void theListOfConsumedExamplesIsWholeAndItsHashIsTheCheckpoints() throws Exception {
    StageResult stage1 = TINY.run(folder.resolve("a")).get(1);
    String chain = "";
    int ids = 0;
    for (String line : Files.readAllLines(folder.resolve("a/stage1/examples.jsonl"))) {
      ids += line.split("\"ids\":")[1].split(",").length;
      chain =
          HexFormat.of()
              .formatHex(
                  MessageDigest.getInstance("SHA-256")
                      .digest((chain + line + "\n").getBytes(StandardCharsets.UTF_8)));
    }
    assertEquals(24, ids);
    assertEquals(chain, CheckpointStore.open(stage1.checkpoint()).facts().get("consumed"));
  }

  @Test
  void aRunThatWasAskedToStopComesBackToScoreTheMoment() throws IOException {
    List<StageResult> whole = TINY.run(folder.resolve("a"));
    Path out = folder.resolve("b");
    StopRequest stop = new StopRequest();
    StoppedException stopped =
        assertThrows(
            StoppedException.class,
            () ->
                TINY.watched(
                    out,
                    stop,
                    step -> {
                      if (step.examples() == 16) {
                        stop.make(); // where a score and a checkpoint are due
                      }
                    }));
    assertEquals(
        "stopped stage1 at 16 of 24 examples, saved; run the same command to resume",
        stopped.getMessage());
    assertFalse(Files.exists(out.resolve("stage1/scores/at-000000000016.heldout.json")));
    assertSameBits(whole, TINY.run(out));
  }

  @Test
  void aRunThatEndsInTheScoringOfAMomentComesBackToIt() throws IOException {
    List<StageResult> whole = TINY.run(folder.resolve("a"));
    Path out = folder.resolve("b");
    // The scorer fails where a score and a checkpoint are due: the checkpoint must wait for it.
    Path score = out.resolve("stage1/predictions/at-000000000016.heldout");
    assertThrows(
        UncheckedIOException.class,
        () ->
            TINY.watched(
                out,
                new StopRequest(),
                step -> {
                  if (step.examples() == 16) {
                    RunFolder.writeText(score, "a file in the folder's place");
                  }
                }));
    assertTrue(Files.exists(out.resolve("stage1/checkpoints/examples-000000000008")));
    assertFalse(Files.exists(out.resolve("stage1/checkpoints/examples-000000000016")));
    Files.delete(score);
    List<StageResult> resumed = TINY.run(out);
    assertTrue(resumed.get(1).scores().containsKey("at-000000000016"));
    assertSameBits(whole, resumed);
  }

  @Test
  void aDamagedCheckpointIsPassedOverAndThatIsSaid() throws IOException {
    String[] sets = {"stages.stage2.examples=4", "stages.stage2.export.formats=[]"};
    List<StageResult> whole = TINY.run(folder.resolve("a"), sets);
    Path out = folder.resolve("b");
    TINY.crash(out, 5, sets);
    Path newest = out.resolve("stage1/checkpoints/examples-000000000016/mu.safetensors");
    byte[] bytes = Files.readAllBytes(newest);
    bytes[bytes.length - 1] ^= 1;
    Files.write(newest, bytes);
    List<StageResult> resumed = TINY.run(out, sets);
    assertSameBits(whole, resumed);
    String notes = String.join("\n", resumed.get(1).notes());
    assertTrue(notes.contains("skipped a checkpoint that is CORRUPT: " + newest), notes);
    assertTrue(notes.contains("resumed from its checkpoint at 8 examples"), notes);
  }

  @Test
  void keptPositionsMustFit() {
    Path parent = TINY.run(folder.resolve("a"), "stages.stage2.examples=4").get(1).checkpoint();
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () ->
                TINY.run(
                    folder.resolve("a"),
                    "stages.stage2.name=again",
                    "stages.again.init={checkpoint: '" + parent + "'}",
                    "stages.again.handOver={positionEmbedding: keep}"));
    assertTrue(String.valueOf(refused.getMessage()).contains("is 'keep', but"), "" + refused);
  }

  @ParameterizedTest
  @ValueSource(strings = {"moved", "moved to \"the\" cluster's ${é}"})
  void aMovedRunFolderIsRecognised(String name) throws IOException {
    List<StageResult> before = TINY.run(folder.resolve("from"));
    Files.move(folder.resolve("from"), folder.resolve(name));
    FileTime made = Files.getLastModifiedTime(folder.resolve(name).resolve("stage1/stage.json"));
    List<StageResult> after = TINY.run(folder.resolve(name));
    for (int i = 0; i < before.size(); i++) {
      assertEquals(before.get(i).fingerprint(), after.get(i).fingerprint());
      assertEquals(before.get(i).scores(), after.get(i).scores());
    }
    assertEquals(
        made,
        Files.getLastModifiedTime(folder.resolve(name).resolve("stage1/stage.json")),
        "made again");
  }

  @Test
  void anotherNumberOfThreadsIsRefused() {
    Path out = folder.resolve("run");
    String[] sets = {"stages.stage2.examples=4", "threads=1"};
    TINY.run(out, sets);
    sets[1] = "threads=2";
    InvalidConfigException refused =
        assertThrows(InvalidConfigException.class, () -> TINY.run(out, sets));
    assertTrue(String.valueOf(refused.getMessage()).contains("threads: 1 -> 2"), "" + refused);
  }

  @Test
  void aRefusedRecipeIsNotWrittenOverTheOneThatWasRun() throws IOException {
    Path out = folder.resolve("run");
    TINY.run(out, "stages.stage2.examples=4");
    String recipe = Files.readString(out.resolve("recipe.yaml"));
    for (String stage : List.of("stage1", "stage2")) {
      Files.deleteIfExists(out.resolve("stage2/stage.json"));
      assertThrows(
          InvalidConfigException.class,
          () ->
              TINY.run(out, "stages.stage2.examples=4", "stages.%s.textTokens=9".formatted(stage)));
      assertEquals(recipe, Files.readString(out.resolve("recipe.yaml")));
    }
  }

  @Test
  void aDamagedRecordOfAStageIsNamedAndCanBeRemoved() throws IOException {
    Path out = folder.resolve("run");
    List<StageResult> before = TINY.run(out, "stages.stage2.examples=4");
    Path record = out.resolve("stage1/stage.json");
    for (String damage : List.of("", "{\"stage\": \"sta", "[]")) {
      Files.writeString(record, damage);
      InvalidConfigException refused =
          assertThrows(
              InvalidConfigException.class, () -> TINY.run(out, "stages.stage2.examples=4"));
      assertEquals(1, refused.problems().size());
      assertTrue(("" + refused.getMessage()).contains(record + ": is damaged ("), "" + refused);
    }
    Files.delete(record);
    List<StageResult> after = TINY.run(out, "stages.stage2.examples=4");
    assertEquals(before.get(0).scores(), after.get(0).scores());
    assertEquals(before.get(0).fingerprint(), after.get(0).fingerprint());
  }

  @Test
  void aChangedSuiteIsScoredAgainWithoutTraining() throws IOException {
    Path out = folder.resolve("run");
    StageResult before = TINY.run(out).get(1);
    FileTime trained = Files.getLastModifiedTime(before.checkpoint());
    StageResult after = TINY.run(out, "suites.heldout.tasks.caption.limit=2").get(1);
    assertEquals(trained, Files.getLastModifiedTime(after.checkpoint()));
    for (String moment : List.of("before", "after")) {
      var suites = Objects.requireNonNull(after.scores().get(moment), moment);
      var tasks = Objects.requireNonNull(suites.get("heldout"), moment).tasks();
      assertEquals(2, Objects.requireNonNull(tasks.get("caption"), moment).examples());
    }
    assertFalse(after.scores().containsKey("at-000000000016"), "an old score stands for a new");
    assertTrue(
        after.notes().stream().anyMatch(note -> note.contains("at-000000000016.heldout")),
        after.notes().toString());
  }

  @Test
  void milestonesStay() {
    Path out = folder.resolve("run");
    TINY.run(out, "stages.stage1.checkpoint.keepEveryExamples=16", "stages.stage2.examples=4");
    assertEquals(
        List.of("examples-000000000016", "examples-000000000024"),
        new CheckpointStore(out.resolve("stage1/checkpoints")).names());
  }

  @Test
  void aHandOverIsPlannedAndKeptWithItsCheckOfTheImageTower() throws IOException {
    Path out = folder.resolve("run");
    TINY.run(out);
    assertTrue(
        Files.readString(out.resolve("plan.txt"))
            .contains(
                "takes over: optimizer keep, schedule continue, data fresh, position embedding"
                    + " resample"));
    JsonNode stage = RunFolder.readJson(out.resolve("stage2/stage.json")).orElseThrow();
    assertEquals(16, stage.path("functionPreservation").path("fromResolution").asInt());
    assertEquals(4, stage.path("functionPreservation").path("pictures").asInt());
    assertEquals("KEEP", stage.path("handOver").path("optimizer").asText());
    assertTrue(
        RunFolder.readJson(out.resolve("stage1/stage.json"))
            .orElseThrow()
            .path("functionPreservation")
            .isNull());
  }

  @Test
  void aClosedGateStopsTheRunAndSaysWhy() throws IOException {
    Path out = folder.resolve("gated");
    String gate = "stages.stage1.evaluate.gates=[{suite: heldout, task: caption, above: 2}]";
    GateClosedException closed = assertThrows(GateClosedException.class, () -> TINY.run(out, gate));
    String message = String.valueOf(closed.getMessage());
    assertTrue(
        message.contains(
            "stopped after stage1: gate on heldout caption is closed: exact match must be above"
                + " 2.0, got 0."),
        message);
    assertEquals(2, closed.results().size());
    assertFalse(Gates.read(new RunFolder(out), "stage1").get(0).holds());
    assertFalse(Files.exists(out.resolve("stage2/stage.json")));
    // The gate is no part of what the stage is: with another, the run continues from there.
    TINY.run(
        out,
        "stages.stage1.evaluate.gates=[{suite: heldout, task: caption, below: 2}]",
        "stages.stage2.evaluate.gates=[{suite: heldout, task: caption, noWorseThanParent: true}]");
    assertTrue(Gates.read(new RunFolder(out), "stage1").get(0).holds());
    assertTrue(Gates.read(new RunFolder(out), "stage2").get(0).reason().contains("the parent's"));
  }

  @Test
  void aGateOnAnUnknownMetricIsAMistakeBeforeAnyStage() {
    Path out = folder.resolve("mistaken");
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () ->
                TINY.run(
                    out,
                    "suites.heldout.tasks.caption.metrics=['cider']",
                    "stages.stage1.evaluate.gates=["
                        + "{suite: heldout, task: caption, metric: 'cider:official', above: 0},"
                        + "{suite: heldout, task: caption, metric: cidre, above: 0},"
                        + "{suite: heldout, task: caption, metric: token_accuracy, above: 0}]"));
    assertEquals(
        "stages[1].evaluate.gates[1].metric: heldout caption has no score 'cidre'; it has"
            + " cider:official, cider, exact_match, token_accuracy, loss, perplexity",
        refused.problems().stream().map(Problem::toString).collect(Collectors.joining("\n")));
    assertFalse(Files.exists(out.resolve("stage0")));
  }

  @Test
  void aChangedStageIsRefusedWithTheDifference() {
    Path out = folder.resolve("run");
    TINY.run(out, "stages.stage2.examples=4");
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> TINY.run(out, "stages.stage2.examples=4", "stages.stage1.labelSmoothing=0.1"));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.contains("labelSmoothing: 0 -> 0.1"), message);
  }

  @Test
  void parametersThatDivergeStopTheRunBeforeTheUpdate() {
    DivergenceException stopped =
        assertThrows(
            DivergenceException.class,
            () ->
                TINY.run(
                    folder.resolve("run"),
                    "stages.stage1.optimizer.learningRate=1e6",
                    "stages.stage1.optimizer.groups={others: {learningRateMultiplier: 1e6}}",
                    "stages.stage1.optimizer.schedule={constant: {}}"));
    String message = String.valueOf(stopped.getMessage());
    assertTrue(message.contains("mixture positions"), message);
    assertTrue(message.contains("stage1"), message);
    assertFalse(Files.exists(folder.resolve("run/stage1/stage.json")));
  }
}
