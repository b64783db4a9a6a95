package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.lineage.Lineage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run folder holds of finished and half-finished stages, damaged or altered by others. */
class FinishedStagesTest {
  private static final TinyRun TINY =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
          suites:
            heldout:
              tasks:
                caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 1}}
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
              evaluate: {suites: [heldout], everyExamples: 8}
              export: {formats: [huggingface, big_vision]}
          """);

  @TempDir Path folder;
  private Path run;
  private Path stage;

  @BeforeEach
  void names() {
    run = folder.resolve("run");
    stage = run.resolve("stage1");
  }

  private String refused() {
    return String.valueOf(
        assertThrows(InvalidConfigException.class, () -> TINY.run(run)).getMessage());
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static void edit(Path file, String before, String after) throws IOException {
    String text = Files.readString(file);
    assertTrue(text.contains(before), text);
    Files.writeString(file, text.replaceFirst(before, after));
  }

  @Test
  void missingAndShortenedExportsAreWrittenAgainAndOthersAreLeft() throws IOException {
    TINY.run(run);
    Path weights = stage.resolve("export/huggingface/model.safetensors");
    Path npz = stage.resolve("export/big_vision.npz");
    byte[] before = Files.readAllBytes(weights);
    var written = Files.getLastModifiedTime(npz);
    Files.write(weights, Arrays.copyOf(before, before.length - 1));
    TINY.run(run);
    assertArrayEquals(before, Files.readAllBytes(weights));
    assertEquals(written, Files.getLastModifiedTime(npz));
    delete(stage.resolve("export"));
    List<StageResult> results = TINY.run(run);
    assertArrayEquals(before, Files.readAllBytes(weights));
    assertEquals(List.of(weights.getParent(), npz), results.get(1).exports());
    assertEquals(
        List.of(), Lineage.ofExport(npz).orElseThrow().altered(npz), "sizes and hashes beside it");
  }

  @Test
  void aFinishedStageWithoutAWholeCheckpointIsReportedInOneSentence() throws IOException {
    TINY.run(run);
    Path checkpoint = stage.resolve("checkpoints/examples-000000000016");
    Path arrays = checkpoint.resolve("parameters.safetensors");
    byte[] bytes = Files.readAllBytes(arrays);
    Files.write(arrays, Arrays.copyOf(bytes, 100));
    String damaged = refused();
    assertTrue(damaged.contains("parameters.safetensors: has 100 bytes, the manifest"), damaged);
    assertTrue(damaged.contains("stages.stage1: is finished, but its last"), damaged);
    delete(checkpoint);
    String missing = refused();
    assertTrue(missing.contains(checkpoint + " is missing"), missing);
    assertEquals(1, missing.lines().count());
    // What it says to do helps.
    Files.delete(stage.resolve("stage.json"));
    TINY.run(run);
    assertArrayEquals(bytes, Files.readAllBytes(arrays));
  }

  @Test
  void pathsOfTheRecordStayInTheStagesFolder() throws IOException {
    TINY.run(run);
    Path file = stage.resolve("stage.json");
    String text = Files.readString(file);
    for (String elsewhere :
        List.of("../other/checkpoints/examples-000000000016", "/etc", "stage0/stage.json", "")) {
      Files.writeString(file, text.replace("stage1/checkpoints/examples-000000000016", elsewhere));
      String message = refused();
      assertTrue(message.contains("names '" + elsewhere + "', which is not inside"), message);
      Files.writeString(file, text.replace("stage1/export/big_vision.npz", elsewhere));
      assertTrue(refused().contains("names '" + elsewhere + "'"), message);
    }
  }

  @Test
  void alteredLogsAreNoticedWhenAStageGoesOn() throws IOException {
    TINY.run(folder.resolve("whole"));
    TINY.crash(run, 3);
    assertEquals(List.of(), altered(TINY.run(folder.resolve("whole"))));
    edit(stage.resolve("examples.jsonl"), "caption/", "captiom/");
    edit(stage.resolve("metrics.jsonl"), "\"loss\":", "\"loss\":1");
    Files.writeString(stage.resolve("skipped.jsonl"), "{\"position\":1,\"task\":\"caption\"}\n");
    edit(stage.resolve("start.json"), "starts from", "goes on from");
    edit(stage.resolve("scores/before.heldout.json"), "\"examples\" : 3", "\"examples\" : 7");
    List<String> notes = altered(TINY.run(run));
    for (String name : List.of("examples.jsonl", "metrics.jsonl", "skipped.jsonl", "start.json")) {
      assertTrue(notes.stream().anyMatch(note -> note.startsWith(name)), name + " in " + notes);
    }
    assertEquals(4, notes.size(), notes.toString());
    // The score was made again.
    assertEquals(
        Files.readString(folder.resolve("whole/stage1/scores/before.heldout.json")),
        Files.readString(stage.resolve("scores/before.heldout.json")));
  }

  /** A score within a stage cannot be made again once the stage is over. */
  @Test
  void anAlteredScoreIsLeftOut() throws IOException {
    TINY.run(run);
    Path score = stage.resolve("scores/at-000000000008.heldout.json");
    edit(score, "\"examples\" : 3", "\"examples\" : 7");
    StageResult result = TINY.run(run, "stages.stage1.export.formats=[]").get(1);
    assertFalse(result.scores().containsKey("at-000000000008"), result.scores().toString());
    assertTrue(
        result
            .notes()
            .contains("score at-000000000008.heldout was altered since it was written: left out"),
        result.notes().toString());
  }

  private static List<String> altered(List<StageResult> results) {
    return results.get(1).notes().stream().filter(note -> note.contains("altered")).toList();
  }
}
