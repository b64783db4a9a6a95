package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.model.kernels.EngineFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How processes of the real launcher end: by signals, without memory or disk, without a reader. */
@EnabledOnOs(OS.LINUX) // signals, ulimit, /dev/full
@Timeout(300)
class EndOfProcessTest {
  /** Two are promised; a machine that is busy with other builds takes its time. */
  private static final double MOST_SECONDS = 5;

  @TempDir Path folder;
  private Path run = Path.of("");

  @BeforeEach
  void name() {
    run = folder.resolve("run");
  }

  /**
   * A recipe.
   *
   * @param limit held-out examples scored
   */
  private Path recipe(int limit, String stage) throws IOException {
    return TinyRecipe.write(
        folder,
        "tiny",
        """
        tasks:
          caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
        suites:
          heldout:
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: %d, decode: {maxNewTokens: 200}}
        stages:
          - name: stage1
            init: %s
            resolution: 16
            textTokens: 16
            batchSize: 4
            mixture: {caption: 1}
            optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
            export: {formats: []}
        """
                .formatted(limit, TinyRecipe.IMPORT)
            + stage.indent(4));
  }

  private Launched launch(String... arguments) throws IOException {
    return Launched.start(folder, Map.of(), List.of(arguments));
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void await(Launched launched, Condition condition)
      throws IOException, InterruptedException {
    while (!condition.holds()) {
      assertTrue(launched.process().isAlive(), Files.readString(launched.err()));
      Thread.sleep(10);
    }
  }

  private static boolean holds(Path file, String text) throws IOException {
    return Files.exists(file) && Files.readString(file).contains(text);
  }

  // ---- Signals

  @ParameterizedTest
  @ValueSource(strings = {"run", "mixture", "dedup"})
  void aSignalWhileDataArePreparedEndsItAtOnce(String command) throws Exception {
    String recipe = recipe(1, "examples: 8\nevaluate: {suites: [heldout]}\n").toString();
    Launched launched =
        launch(
            command,
            recipe,
            "--out",
            run.toString(),
            "--set",
            "prepare.playground.trainImages=100000");
    await(launched, () -> Files.exists(run.resolve(".data.writing/images")));
    double seconds = launched.end("TERM");
    assertTrue(seconds < MOST_SECONDS, seconds + " s");
    Outcome outcome = launched.finish();
    // 'run' says that it can go on; the others have nothing that they would go on with.
    assertEquals(command.equals("run") ? 75 : 128 + 15, outcome.exit(), outcome.err());
    assertEquals(
        command.equals("run"),
        outcome.err().contains("run the same command to resume"),
        outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void aSignalWhileAnEvaluationIsScoredKeepsTheAnswersAndTheSameCommandGoesOn() throws Exception {
    DrawnModel drawn = DrawnModel.write(folder);
    Path rows = folder.resolve("rows.jsonl");
    Files.write(
        rows, Collections.nCopies(600, "{\"prefix\": \"what is red\", \"suffix\": \"circle\"}"));
    Path suite = folder.resolve("suite.yaml");
    Files.writeString(
        suite,
        "tasks: {text: {source: {jsonl: '%s'}, decode: {maxNewTokens: 100}}}\n".formatted(rows));
    String[] command = {
      "eval",
      drawn.export().toString(),
      "--suite",
      suite.toString(),
      "--out",
      run.toString(),
      "--batch-size",
      "2"
    };
    Path predictions = run.resolve("predictions/text.jsonl");
    Launched launched = launch(command);
    await(launched, () -> Files.exists(predictions) && Files.size(predictions) > 0);
    double seconds = launched.end("TERM");
    assertTrue(seconds < MOST_SECONDS, seconds + " s");
    Outcome stopped = launched.finish();
    assertEquals(75, stopped.exit(), stopped.err());
    assertTrue(
        stopped.err().contains("stopped while scoring; run the same command to resume"),
        stopped.err());
    List<String> kept = Files.readAllLines(predictions);
    assertTrue(!kept.isEmpty() && kept.size() < 600, kept.size() + " answers");
    Launched again = launch(command);
    await(again, () -> Files.readAllLines(predictions).size() > kept.size());
    again.end("TERM");
    assertEquals(75, again.finish().exit());
    assertEquals(kept, Files.readAllLines(predictions).subList(0, kept.size()));
  }

  @Test
  void aSignalWhileARunIsScoredEndsItBetweenBatches() throws Exception {
    String recipe =
        recipe(12, "examples: 8\nevaluate: {suites: [heldout], before: true, batchSize: 1}\n")
            .toString();
    String[] command = {
      "run",
      recipe,
      "--out",
      run.toString(),
      "--set",
      "suites.heldout.tasks.caption.decode.maxNewTokens=1500"
    };
    Path predictions = run.resolve("stage1/predictions/before.heldout/caption.jsonl");
    Launched launched = launch(command);
    await(launched, () -> holdsAnswer(run.resolve("stage1")));
    double seconds = launched.end("TERM");
    assertTrue(seconds < MOST_SECONDS, seconds + " s");
    Outcome stopped = launched.finish();
    assertEquals(75, stopped.exit(), stopped.err() + predictions);
    assertTrue(stopped.err().contains("run the same command to resume"), stopped.err());
  }

  private static boolean holdsAnswer(Path stage) throws IOException {
    if (!Files.exists(stage)) {
      return false;
    }
    try (Stream<Path> files = Files.walk(stage)) {
      for (Path file : files.filter(f -> f.toString().endsWith("caption.jsonl")).toList()) {
        if (Files.size(file) > 0) {
          return true;
        }
      }
      return false;
    }
  }

  @Test
  void aRunThatGoesOnWithOtherInstructionsSaysSoInItsLogAndItsLineage() throws Exception {
    String here = EngineFacts.read().get("instruction set");
    assumeTrue(!"NO AVX".equals(here), "this machine has no other instructions to go on with");
    String recipe =
        recipe(1, "examples: 40000\ncheckpoint: {everyExamples: 8, keepLast: 1}\n").toString();
    String[] command = {"run", recipe, "--out", run.toString()};
    Launched launched = launch(command);
    // The import is the checkpoint of no examples; it stops before its first step without a save.
    await(launched, () -> newest().compareTo("examples-000000000000") > 0);
    launched.end("TERM");
    Outcome stopped = launched.finish();
    assertEquals(75, stopped.exit(), stopped.err());
    assertTrue(stopped.err().contains(" examples, saved; run the same command"), stopped.err());

    String moved =
        "moved to other instructions or library versions, which change the last bits of results:"
            + " instruction set: "
            + here
            + " -> NO AVX; instruction limits:  -> ATEN_CPU_CAPABILITY=default";
    Launched elsewhere =
        Launched.start(folder, Map.of("ATEN_CPU_CAPABILITY", "default"), List.of(command));
    String left = newest();
    await(elsewhere, () -> holds(elsewhere.err(), moved) && newest().compareTo(left) > 0);
    elsewhere.end("TERM");
    assertEquals(75, elsewhere.finish().exit());
    Outcome lineage = launch("lineage", run.toString()).finish();
    assertTrue(lineage.out().contains(moved), lineage.toString());
    Outcome reproduce = launch("reproduce", run.toString()).finish();
    assertTrue(reproduce.out().contains("# - stage1 at "), reproduce.toString());
    assertTrue(reproduce.out().contains(moved), reproduce.toString());
    assertTrue(
        reproduce.out().contains("it was made with another instruction set: NO AVX, here " + here),
        reproduce.out());

    // On the first machine again: both moves are told.
    Launched back = launch(command);
    String leftThere = newest();
    await(
        back,
        () ->
            holds(back.err(), "instruction set: NO AVX -> " + here)
                && newest().compareTo(leftThere) > 0);
    back.end("TERM");
    assertEquals(75, back.finish().exit());
    Outcome both = launch("lineage", run.toString()).finish();
    assertTrue(both.out().contains(moved), both.out());
    assertTrue(both.out().contains("instruction set: NO AVX -> " + here), both.out());
  }

  /** Name of the last checkpoint, in which a step on this machine stands; empty for none. */
  private String newest() throws IOException {
    Path checkpoints = run.resolve("stage1/checkpoints");
    if (!Files.exists(checkpoints)) {
      return "";
    }
    try (Stream<Path> files = Files.list(checkpoints)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith("examples-"))
          .max(String::compareTo)
          .orElse("");
    }
  }

  // ---- Memory and disk

  @Test
  void anExhaustedHeapEndsWithASentenceAndItsOwnCode() throws Exception {
    Path big = folder.resolve("big.jsonl");
    Files.write(
        big,
        Stream.iterate(0, i -> i + 1)
            .limit(60_000)
            .map(
                i ->
                    "{\"id\": %d, \"prediction\": \"%s\", \"reference\": \"b\"}"
                        .formatted(i, "a ".repeat(200)))
            .toList());
    Outcome outcome =
        Launched.start(
                folder,
                Map.of("PALIMPSEST_JAVA_OPTS", "-Xmx16m -XX:+UseSerialGC"),
                List.of("score", big.toString(), "--metric", "exact_match"))
            .finish();
    assertEquals(3, outcome.exit(), outcome.toString());
    assertTrue(
        outcome
            .err()
            .startsWith("the Java heap of 0.0 GiB is exhausted: raise it, for example with "),
        outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
    Outcome ended =
        Launched.start(
                folder,
                Map.of(
                    "PALIMPSEST_JAVA_OPTS", "-Xmx16m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError"),
                List.of("score", big.toString(), "--metric", "exact_match"))
            .finish();
    assertEquals(outcome.exit(), ended.exit(), ended.toString());
    assertTrue(ended.err().contains("java.lang.OutOfMemoryError"), ended.err());
  }

  /** A limit on the size of files fails as a full disk does, in the middle of a file. */
  @Test
  void aFullDiskWhileDataArePreparedNamesTheFile() throws Exception {
    Outcome outcome =
        Launched.shell(
                folder,
                Map.of(),
                "ulimit -f 64; exec \"$palimpsest\" playground --out full --train 800 --held-out 6")
            .finish();
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(
        outcome.err().matches("(?s).*cannot write .*/\\.full\\.writing/\\S+: File too large\n"),
        outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
    assertFalse(Files.exists(folder.resolve("full")));
    assertFalse(Files.exists(folder.resolve(".full.writing")));
  }

  @Test
  void aFullDiskWhileTowersAreWrittenNamesTheFile() throws Exception {
    Outcome outcome =
        Launched.shell(
                folder,
                Map.of(),
                "ulimit -f 600; exec \"$palimpsest\" fabricate --preset tiny --out full")
            .finish();
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(
        outcome.err().matches("cannot write .*/full/siglip_tiny[.]npz: File too large\n"),
        outcome.err());
    try (Stream<Path> left = Files.list(folder.resolve("full"))) {
      assertEquals(
          List.of("fabricated.json"), left.map(file -> file.getFileName().toString()).toList());
    }
  }

  // ---- Terminals

  @Test
  void aReaderThatWantsNoMoreIsNoFailure() throws Exception {
    for (String command : List.of("tasks list", "tasks show textvqa", "score --list")) {
      Outcome outcome =
          Launched.shell(
                  folder,
                  Map.of(),
                  "set -o pipefail; \"$palimpsest\" %s | head -1".formatted(command))
              .finish();
      assertEquals(new Outcome(0, outcome.out(), ""), outcome);
      assertEquals(1, outcome.out().lines().count());
    }
  }

  @Test
  void outputThatCannotBeWrittenIsAFailure() throws Exception {
    Outcome outcome =
        Launched.shell(folder, Map.of(), "\"$palimpsest\" tasks list >/dev/full").finish();
    assertEquals(2, outcome.exit());
    assertEquals("cannot write the output: No space left on device\n", outcome.err());
  }

  @Test
  void theLanguageOfTheMachineChangesNoNumberAndNoName() throws Exception {
    Path named = folder.resolve("größe-写真.jsonl");
    Files.writeString(
        named,
        """
        {"id": 1, "prediction": "a", "reference": "a"}
        {"id": 2, "prediction": "a", "reference": "b"}
        """);
    List<String> score = List.of("score", named.toString(), "--metric", "exact_match");
    String plain = Launched.start(folder, Map.of(), score).finish().out();
    assertTrue(plain.contains("0.5000"), plain);
    for (Map<String, String> machine :
        List.of(
            Map.of("LC_ALL", "C"),
            Map.of("LC_ALL", "", "LANG", "POSIX"),
            Map.of("PALIMPSEST_JAVA_OPTS", "-Duser.language=ar -Duser.country=EG"),
            Map.of("PALIMPSEST_JAVA_OPTS", "-Duser.language=tr -Duser.country=TR"))) {
      Outcome outcome = Launched.start(folder, machine, score).finish();
      assertEquals(new Outcome(0, plain, ""), outcome, machine.toString());
    }
  }

  /** A title of the window, a colour, a line that looks like another; in file names and in data. */
  @Test
  void dataCommandNoTerminal() throws Exception {
    Path hostile =
        Files.writeString(
            folder.resolve("a\u001b]0;owned\u0007.jsonl"),
            "{\"id\": \"\\u001b[31mx\\nscore: 1\"}\n");
    Outcome outcome = launch("score", hostile.toString(), "--metric", "exact_match").finish();
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("a\\u001b]0;owned\\u0007.jsonl"), outcome.err());
    assertFalse(outcome.err().contains("\u001b"), outcome.err());
    assertFalse(outcome.out().contains("\u001b"), outcome.out());
  }

  // ---- The JVM

  @Test
  void whatAJvmSaysThatCannotStartIsPassedOn() throws Exception {
    for (String option : List.of("-Xmx1k", "-XX:NoSuchOption", "-XX:+UseSerialGC -XX:+UseG1GC")) {
      Outcome outcome =
          Launched.start(folder, Map.of("PALIMPSEST_JAVA_OPTS", option), List.of("tasks", "list"))
              .finish();
      assertNotEquals(0, outcome.exit(), option);
      assertEquals("", outcome.out(), option);
      String words =
          switch (option) {
            case "-Xmx1k" -> "Too small maximum heap";
            case "-XX:NoSuchOption" -> "NoSuchOption";
            default -> "Multiple garbage collectors selected";
          };
      assertTrue(outcome.err().contains(words), outcome.err());
    }
    Outcome outcome =
        Launched.start(folder, Map.of("JAVA_TOOL_OPTIONS", "-Xmx1k"), List.of("tasks", "list"))
            .finish();
    assertEquals(1, outcome.exit());
    assertTrue(outcome.err().contains("Too small maximum heap"), outcome.err());
    assertTrue(outcome.err().contains("does not start"), outcome.err());
  }
}
