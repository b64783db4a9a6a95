package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A small run, a run of another recipe that starts from it, and what the commands say of them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LineageCommandTest {
  private static final String TASKS =
      """
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
      stages:
      """;
  private static final String TRAINING =
      """
          examples: 8
          resolution: 16
          textTokens: 16
          batchSize: 4
          mixture: {caption: 1}
          optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
      """;

  private Path folder;
  private Path one;
  private Path other;

  @BeforeAll
  void run(@TempDir Path temporary) throws IOException {
    folder = temporary;
    one = folder.resolve("one");
    other = folder.resolve("other");
    run(
        "one",
        """
          - name: stage0
            init: %s
            resolution: 16
            textTokens: 16
            export: {formats: []}
          - name: stage1
            init: {stage: stage0}
            export: {formats: [huggingface]}
        """
                .formatted(TinyRecipe.IMPORT)
            + TRAINING);
    run(
        "other",
        """
          - name: transfer
            init: {checkpoint: '%s'}
            export: {formats: []}
        """
                .formatted(one.resolve("stage1/checkpoints/examples-000000000008"))
            + TRAINING);
  }

  private void run(String name, String stages) throws IOException {
    Path recipe = TinyRecipe.write(folder, name, TASKS + stages);
    Outcome outcome =
        Outcome.of("run", recipe.toString(), "--out", folder.resolve(name).toString());
    assertEquals(0, outcome.exit(), outcome.err());
  }

  @Test
  void theGraphGoesBackToThePublishedFilesThroughOtherRuns() throws IOException {
    Path svg = folder.resolve("graph.svg");
    Outcome outcome = Outcome.of("lineage", other.toString(), "--svg", svg.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    for (String part :
        new String[] {
          "published vision",
          "published language",
          "one/stage0, 0 examples",
          "one/stage1, 8 examples",
          "other/transfer, 8 examples"
        }) {
      assertTrue(outcome.out().contains(part), outcome.out());
      assertTrue(Files.readString(svg).contains(part), part);
    }
    assertFalse(outcome.out().contains("recorded only"), outcome.out());
    Outcome run = Outcome.of("lineage", one.toString());
    assertTrue(run.out().contains("export huggingface f32"), run.out());
    assertFalse(run.out().contains("transfer"), run.out());
  }

  @Test
  void ancestorsThatAreGoneAreDrawnFromTheRecord() throws IOException {
    Path export = Files.createDirectories(folder.resolve("copied/huggingface"));
    for (String file : new String[] {"config.json", "lineage.json"}) {
      Files.copy(one.resolve("stage1/export/huggingface").resolve(file), export.resolve(file));
    }
    Outcome outcome = Outcome.of("lineage", export.toString());
    assertTrue(outcome.out().contains("export huggingface f32"), outcome.out());
    assertTrue(
        Pattern.compile("one/stage0, 0 examples  [0-9a-f]{12}  \\[recorded only]")
            .matcher(outcome.out())
            .find(),
        outcome.out());
  }

  @Test
  void filesOfExportsAreVerified() throws IOException {
    Path weights = one.resolve("stage1/export/huggingface/model.safetensors");
    Outcome whole = Outcome.of("lineage", one.toString());
    assertEquals(0, whole.exit(), whole.err());
    assertTrue(whole.out().contains("verified: "), whole.out());
    byte[] bytes = Files.readAllBytes(weights);
    try {
      byte[] changed = bytes.clone();
      changed[bytes.length - 1] ^= 1;
      Files.write(weights, changed);
      for (Path path : new Path[] {one, one.resolve("stage1/export/huggingface")}) {
        Outcome altered = Outcome.of("lineage", path.toString());
        assertEquals(2, altered.exit());
        String message = weights + " does not have the SHA-256 with which it was exported";
        assertTrue(altered.err().contains(message), altered.err());
        assertTrue(altered.out().contains("ALTERED since it was exported"), altered.out());
      }
      Files.delete(weights);
      Outcome missing = Outcome.of("lineage", one.toString());
      assertEquals(2, missing.exit());
      assertTrue(missing.err().contains(weights + " is missing"), missing.err());
    } finally {
      Files.write(weights, bytes);
    }
  }

  @Test
  void differencesAreSaidInWords() {
    Outcome outcome =
        Outcome.of("lineage", "diff", one.resolve("stage1").toString(), other.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("stage.name: stage1 -> transfer"), outcome.out());
    assertTrue(outcome.out().contains("A is an ancestor of B."), outcome.out());
    assertTrue(outcome.out().contains("Tokenizer: the same."), outcome.out());
    Outcome same =
        Outcome.of(
            "lineage",
            "diff",
            one.resolve("stage1").toString(),
            one.resolve("stage1/export/huggingface").toString());
    assertTrue(same.out().contains("They are the same checkpoint"), same.out());
  }

  @Test
  void whatReproducePrintsIsForAShellWhateverTheFolderIsCalled() throws IOException {
    Path copy = folder.resolve("it's a copy");
    Path name = Path.of("stage1/checkpoints/examples-000000000008");
    Files.createDirectories(copy.resolve(name));
    try (var files = Files.list(one.resolve(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(name).resolve(file.getFileName()));
      }
    }
    Outcome printed = Outcome.of("reproduce", copy.toString());
    String word = "'" + copy.resolve(name).toString().replace("'", "'\\''") + "' ";
    assertTrue(printed.out().contains("./palimpsest lineage diff " + word), printed.out());
  }

  /** The printed recipe, run in another folder, gives a checkpoint of the printed id. */
  @Test
  void whatReproducePrintsMakesTheSameCheckpoint() throws IOException {
    Outcome printed = Outcome.of("reproduce", one.resolve("stage1").toString());
    assertEquals(0, printed.exit(), printed.err());
    Matcher id = Pattern.compile("#   ([0-9a-f]{64})").matcher(printed.out());
    Matcher recipe =
        Pattern.compile("<<'END_OF_RECIPE'\n(.*)END_OF_RECIPE\n", Pattern.DOTALL)
            .matcher(printed.out());
    Matcher command =
        Pattern.compile("\\./palimpsest run (\\S+) --out (\\S+) --set (\\S+)\n")
            .matcher(printed.out());
    assertTrue(id.find() && recipe.find() && command.find(), printed.out());
    Path file = folder.resolve("again.yaml");
    Files.writeString(file, recipe.group(1));
    Path again = folder.resolve("again");
    Outcome run =
        Outcome.of("run", file.toString(), "--out", again.toString(), "--set", command.group(3));
    assertEquals(0, run.exit(), run.err());
    Outcome lineage = Outcome.of("lineage", again.resolve("stage1").toString());
    assertTrue(lineage.out().contains(id.group(1).substring(0, 12)), lineage.out());
  }

  @Test
  void changedDataAreWarnedOf() throws IOException {
    Path data = other.resolve("data/caption.train.jsonl");
    String before = Files.readString(data);
    try {
      Files.writeString(data, before.replaceFirst("\"suffix\":\"", "\"suffix\":\"x"));
      Outcome printed = Outcome.of("reproduce", other.toString());
      assertTrue(
          printed.out().contains("# - the training data have changed: task caption, source "),
          printed.out());
      assertTrue(
          printed.out().contains("# - it is based on a checkpoint of another run"), printed.out());
    } finally {
      Files.writeString(data, before);
    }
  }

  @Test
  void whatHasNoLineageIsSaid() {
    Outcome outcome = Outcome.of("lineage", folder.resolve("one/data").toString());
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("has no lineage"), outcome.err());
    assertEquals(2, Outcome.of("lineage", "nowhere").exit());
    assertEquals(
        2,
        Outcome.of("replay", one.resolve("stage1/checkpoints/examples-000000000008").toString())
            .exit());
  }
}
