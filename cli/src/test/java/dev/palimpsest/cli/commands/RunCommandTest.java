package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.stages.PipelineRunner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What {@code run} checks before it trains. */
class RunCommandTest {
  @TempDir Path folder;
  private Path recipe = Path.of("");

  @BeforeEach
  void aRecipeWhoseTrainingDataHoldItsEvaluation() throws IOException {
    recipe =
        TinyRecipe.write(
            folder,
            "leaking",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
              leaked: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}}
            suites:
              heldout: {tasks: {caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 1}}}
            dedup: {against: [heldout]}
            stages:
              - name: stage1
                init: %s
                examples: 32
                resolution: 16
                textTokens: 16
                batchSize: 8
                mixture: {caption: 1, leaked: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
  }

  private Outcome command(String name, Path out, String... options) {
    List<String> args = new ArrayList<>(List.of(name, recipe.toString(), "--out", out.toString()));
    args.addAll(List.of(options));
    return Outcome.of(args.toArray(String[]::new));
  }

  /** Here checkpoints are to be kept that no disk has room for. */
  @Test
  void aDiskThatIsTooSmallIsToldBeforeAnyStage() {
    assertEquals(List.of(), warnings("fits"));
    List<String> warnings =
        warnings(
            "large",
            "--set",
            "stages.stage1.examples=8000000000000",
            "--set",
            "stages.stage1.checkpoint={everyExamples: 8, keepEveryExamples: 8}");
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(
        warnings.get(0).startsWith(folder.resolve("large") + " can grow by "), warnings + "");
  }

  /** What a run that is refused for its data says of itself before that. */
  private List<String> warnings(String name, String... options) {
    Logger logger = (Logger) LoggerFactory.getLogger(PipelineRunner.class);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    logger.addAppender(log);
    try {
      assertEquals(77, command("run", folder.resolve(name), options).exit());
    } finally {
      logger.detachAppender(log);
    }
    return log.list.stream()
        .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }

  @Test
  void trainingDataThatHoldTheEvaluationStopARunUntilTheyAreLeftOut() throws IOException {
    Path out = folder.resolve("run");
    Outcome stopped = command("run", out);
    assertEquals(77, stopped.exit(), stopped.err());
    assertTrue(
        stopped
            .err()
            .contains(
                "Not started: too much of the training data also occurs in the evaluation (heldout)."),
        stopped.err());
    assertTrue(
        stopped.err().contains("which ones: " + out.resolve("duplicates.tsv")), stopped.err());
    assertFalse(stopped.err().contains("\tat "), stopped.err());
    assertFalse(Files.exists(out.resolve("stage1")), "trained");

    Path list = folder.resolve("exclude.tsv");
    assertEquals(1, command("dedup", out, "--exclusions", list.toString()).exit());
    Outcome trained = command("run", out, "--set", "exclude=" + list);
    assertEquals(0, trained.exit(), trained.err());
    assertLeftOut(list, out);
    // What predict must know of a checkpoint's pictures stands in it.
    Path checkpoints = out.resolve("stage1/checkpoints");
    Map<String, Object> facts = new CheckpointStore(checkpoints).latest().orElseThrow().facts();
    assertEquals("stored", facts.get("orientation"));
    assertTrue(String.valueOf(facts.get("image")).contains("jpeg="), facts.toString());
  }

  @Test
  void partsOfASearchForDuplicatesMergeIntoTheWhole() throws IOException {
    Path out = folder.resolve("run");
    Path whole = folder.resolve("whole.tsv");
    Outcome once = command("dedup", out, "--exclusions", whole.toString());
    for (int parts : new int[] {1, 3}) {
      for (int part = parts - 1; part >= 0; part--) {
        assertEquals(0, command("dedup", out, "--part", part + "/" + parts).exit());
      }
      Path list = folder.resolve("merged" + parts + ".tsv");
      Outcome merged =
          command("dedup", out, "--merge", parts + "", "--exclusions", list.toString());
      assertEquals(once.exit(), merged.exit(), merged.err());
      assertEquals(once.out().replace("whole.tsv", "merged" + parts + ".tsv"), merged.out());
      assertEquals(Files.readString(whole), Files.readString(list));
    }
    Outcome missing = command("dedup", out, "--merge", "4");
    assertEquals(2, missing.exit());
    assertTrue(missing.err().contains("make it with --part 3/4"), missing.err());
    assertEquals(2, command("dedup", out, "--part", "3/3").exit());
    Outcome others = command("dedup", out, "--merge", "3", "--threshold", "5");
    assertTrue(others.err().contains("made with other data or settings"), others.err());
  }

  /** The file that the message names, named under {@code exclude} as it says, again and again. */
  @Test
  void aRunsOwnListGrowsAndLosesNothing() throws IOException {
    Path out = folder.resolve("run");
    Path list = out.resolve("duplicates.tsv");
    assertEquals(77, command("run", out).exit());
    List<String> first = entries(list);
    String[] more = {"--set", "exclude=" + list, "--set", "suites.heldout.tasks.caption.limit=3"};
    Outcome second = command("run", out, more);
    assertEquals(77, second.exit(), second.err());
    List<String> both = entries(list);
    assertTrue(both.size() > first.size() && both.containsAll(first), both + " after " + first);
    Outcome trained = command("run", out, more);
    assertEquals(0, trained.exit(), trained.err());
    assertEquals(both, entries(list));
    assertLeftOut(list, out);
  }

  /** Texts that Markdown, HTML or a terminal would obey, as names and descriptions of a recipe. */
  @Test
  void theReportShowsTextsOfARecipeAndObeysNone() throws IOException {
    recipe =
        TinyRecipe.write(
            folder,
            "hostile",
            """
            description: "<script>alert(1)</script> | `x` \\e[31mred ![i](http://a/b.png)"
            suites:
              "<b>s|u":
                tasks:
                  "*t*|<i>": {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 1}
            stages:
              - name: stage0
                init: %s
                resolution: 16
                textTokens: 16
                evaluate: {suites: ["<b>s|u"]}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Path out = folder.resolve("run");
    Outcome run = command("run", out);
    assertEquals(0, run.exit(), run.err());
    String report = Files.readString(out.resolve("report.md"));
    assertTrue(report.contains("\\<script\\>alert(1)\\</script\\> \\| \\`x\\`"), report);
    assertTrue(report.contains("!\\[i\\]"), report);
    assertTrue(report.contains("\\*t\\*\\|\\<i\\>"), report);
    assertFalse(report.contains("\n## <b>") || report.contains(" <b>"), report);
    assertFalse(report.contains("\u001b") || run.out().contains("\u001b"), report);
  }

  private static List<String> entries(Path list) throws IOException {
    return Files.readAllLines(list).stream().filter(line -> !line.startsWith("#")).toList();
  }

  private static void assertLeftOut(Path list, Path out) throws IOException {
    String consumed = Files.readString(out.resolve("stage1/examples.jsonl"));
    assertTrue(consumed.contains("\"leaked/"), consumed);
    for (String entry : entries(list)) {
      assertFalse(consumed.contains("\"" + entry.split("\t")[0] + "\""), entry);
    }
  }

  @Test
  void theFastTransformWithoutItsLibraryIsAMistakeInTheRecipe() throws IOException {
    assumeTrue(!TurboJpeg.isFound(), "libjpeg-turbo is here");
    Path out = folder.resolve("run");
    Outcome refused = command("run", out, "--set", "stages.stage1.image={jpeg: fast}");
    assertEquals(2, refused.exit());
    assertTrue(
        refused.err().contains("stages[0].image.jpeg: 'jpeg: fast' needs libjpeg-turbo"),
        refused.err());
    assertFalse(refused.err().contains("\tat "), refused.err());
    assertFalse(Files.exists(out.resolve("stage1")), "trained");
  }

  @Test
  void gatesThatCannotBeJudgedAreToldAtOnceBeforeAnythingIsMade() {
    Path out = folder.resolve("run");
    String set =
        "stages.stage1.evaluate={suites: [heldout], gates: [{suite: heldout, task: captoin, above:"
            + " 0}, {suite: heldout, task: caption, noWorseThanParent: true}]}";
    Outcome refused = command("run", out, "--set", set);
    assertEquals(2, refused.exit());
    assertEquals(
        """
        2 mistakes:
          --set %1$s: stages[0].evaluate.gates[0].task: 'captoin' is not a task of suite heldout; did you mean 'caption'?
          --set %1$s: stages[0].evaluate.gates[1].noWorseThanParent: needs a parent stage that is scored on suite heldout at its end
        """
            .formatted(set),
        refused.err());
    assertFalse(Files.exists(out));
  }

  /** Three aliases a line; written out they would fill any memory. */
  @Test
  @Timeout(60)
  void aRecipeWhoseAliasesGrowIsRefusedInASentence() throws IOException {
    StringBuilder text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i <= 16; i++) {
      text.append("a%d: &a%d [*a%d,*a%d,*a%d]\n".formatted(i, i, i - 1, i - 1, i - 1));
    }
    Path recipe = Files.writeString(folder.resolve("laughs.yaml"), text);
    Outcome refused = Outcome.of("run", recipe.toString());
    assertEquals(2, refused.exit());
    assertTrue(refused.err().startsWith("1 mistake:"), refused.err());
    assertTrue(refused.err().contains("once its aliases are resolved"), refused.err());
  }
}
