package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The rehearsal, shortened and with every task type, whose folder is copied and moved. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MovedRunTest {
  private static final Path REHEARSAL = Path.of("..", "configs", "recipes", "rehearsal.yaml");

  private static final List<String> SHORT =
      List.of(
          "prepare.playground={out: '${run}/data', trainImages: 40, heldOutImages: 12}",
          "suites.heldout.tasks={caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'},"
              + " limit: 2, decode: {maxNewTokens: 2}}, masks: {source: {jsonl:"
              + " '${run}/data/scenes.heldout.jsonl'}, type: {segment: {vae:"
              + " '${run}/towers/vae-oid.npz'}}, limit: 2, decode: {maxNewTokens: 2}}}",
          "stages.stage1.examples=128",
          "stages.stage2-64.examples=64",
          "stages.stage2-128.examples=64",
          "stages.stage2-128.checkpoint.everyExamples=32",
          "stages.stage1.optimizer={learningRate: 1e-3, schedule: {constant: {}}}",
          "stages.stage2-64.optimizer={learningRate: 1e-3, schedule: {constant: {}}}",
          "stages.stage2-128.optimizer={learningRate: 1e-3, schedule: {constant: {}}}");

  private Path folder;
  private Path moved;
  private Path copy;

  /** The run is made in one folder, copied into another, and moved to a third. */
  @BeforeAll
  void runCopyAndMove(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Path made = folder.resolve("made");
    Outcome first = run(made);
    assertEquals(0, first.exit(), first.err());
    copy = copyOf(made, "a copy of it");
    moved = Files.createDirectories(folder.resolve("elsewhere")).resolve("moved");
    Files.move(made, moved);
  }

  private static Outcome run(Path out, String... sets) {
    List<String> arguments =
        new ArrayList<>(List.of("run", REHEARSAL.toString(), "--out", out.toString()));
    SHORT.forEach(set -> arguments.addAll(List.of("--set", set)));
    for (String set : sets) {
      arguments.addAll(List.of("--set", set));
    }
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertTrue(List.of(0, 2, 79).contains(outcome.exit()), outcome.err());
    return outcome;
  }

  private Path copyOf(Path run, String name) throws IOException {
    Path target = folder.resolve(name);
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(run.relativize(file).toString()));
      }
    }
    return target;
  }

  private static String id(Path path) {
    Outcome printed = Outcome.of("reproduce", path.toString());
    assertEquals(0, printed.exit(), printed.err());
    Matcher id = Pattern.compile("#   ([0-9a-f]{64})").matcher(printed.out());
    assertTrue(id.find(), printed.out());
    return id.group(1);
  }

  @Test
  void finishedStagesAreTakenAsTheyAreWhereverTheFolderLies() throws IOException {
    for (Path run : List.of(moved, copy)) {
      Path checkpoint = run.resolve("stage2-128/checkpoints/examples-000000000064/manifest.json");
      var before = Files.getLastModifiedTime(checkpoint);
      Outcome again = run(run);
      assertEquals(0, again.exit(), again.err());
      assertEquals(before, Files.getLastModifiedTime(checkpoint));
    }
  }

  /** A stage that is trained again in the copy starts from the copy's parents, to the same bits. */
  @Test
  void aStageTrainedAgainInACopyHasTheSameId() throws IOException {
    Path again = copyOf(moved, "again");
    try (Stream<Path> files = Files.walk(again.resolve("stage2-128"))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    assertEquals(0, run(again).exit());
    assertEquals(id(moved), id(again));
    Outcome diff = Outcome.of("lineage", "diff", moved.toString(), again.toString());
    assertTrue(diff.out().contains("They are the same checkpoint"), diff.out());
  }

  /** By name {@code stage2-64} would be the last. */
  @Test
  void aRunMeansTheLastStageOfItsRecipe() {
    Outcome printed = Outcome.of("reproduce", moved.toString());
    assertTrue(
        printed.out().startsWith("# Recreates rehearsal/stage2-128 at 64 examples"), printed.out());
    assertFalse(printed.out().contains("training data have changed"), printed.out());
    assertEquals(id(moved.resolve("stage2-128")), id(moved));
  }

  @Test
  void changedDataAreNamedByTaskAndSource() throws IOException {
    Path changed = copyOf(moved, "changed");
    Path codec = changed.resolve("towers/vae-oid.npz");
    byte[] bytes = Files.readAllBytes(codec);
    bytes[bytes.length / 2] ^= 1;
    Files.write(codec, bytes);
    Path rows = changed.resolve("data/questions.train.jsonl");
    List<String> lines = Files.readAllLines(rows);
    Files.write(rows, lines.subList(1, lines.size()));
    Outcome refused = run(changed);
    assertEquals(79, refused.exit());
    String where = changed.toString();
    for (String message :
        List.of(
            "task segment, source {jsonl: ${run}/data/scenes.train.jsonl}: the"
                + " contents of its mask codec differ",
            "task answer.de, source {jsonl: ${run}/data/questions.train.jsonl}: its contents"
                + " differ ("
                + lines.size()
                + " rows before, "
                + (lines.size() - 1)
                + " after)")) {
      assertTrue(refused.err().contains(message), refused.err());
      Outcome reproduce = Outcome.of("reproduce", where);
      assertTrue(
          reproduce.out().contains("# - the training data have changed: " + message),
          reproduce.out());
    }
    assertFalse(Pattern.compile("[0-9a-f]{32}").matcher(refused.err()).find(), refused.err());
  }

  /** Whatever a run leaves beside its stages is no name for a stage. */
  @Test
  void whatStandsInARunFolderIsNoNameForAStage() throws IOException {
    try (Stream<Path> entries = Files.list(moved)) {
      for (Path entry : entries.toList()) {
        String name = entry.getFileName().toString();
        if (name.startsWith("stage") || name.startsWith(".")) {
          continue;
        }
        Outcome refused = run(folder.resolve("never"), "stages.stage2-128.name=" + name);
        assertEquals(2, refused.exit(), name);
        assertTrue(refused.err().contains("use another name"), refused.err());
      }
    }
    assertFalse(Files.exists(folder.resolve("never")));
  }
}
