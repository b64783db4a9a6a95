package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Keys that people expect of a trainer: epochs, validation loss, best checkpoint, early stop. */
class EverydayKeysTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private Outcome command(String name, Path recipe) {
    return Outcome.of(name, recipe.toString(), "--out", folder.resolve("run").toString());
  }

  private JsonNode json(String file) throws IOException {
    return JSON.readTree(folder.resolve("run").resolve(file).toFile());
  }

  private List<JsonNode> lines(String file) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("run").resolve(file))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  /** 6 rows, two and a half times, in batches of 4: 15 examples, rounded up to 16. */
  @Test
  void epochsBecomeWholeBatchesThatLeaveNoExampleOut() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "epochs",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            stages:
              - name: stage1
                init: %s
                epochs: 2.5
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Outcome ran = command("run", recipe);
    assertEquals(0, ran.exit(), ran.err());
    assertEquals(
        6, Files.readAllLines(folder.resolve("run/data/caption.train.jsonl")).size(), "rows");
    List<JsonNode> metrics = lines("stage1/metrics.jsonl");
    assertEquals(16, metrics.get(metrics.size() - 1).path("examples").asInt());
    Set<String> seen = new HashSet<>();
    for (JsonNode line : lines("stage1/examples.jsonl")) {
      line.path("ids").forEach(id -> seen.add(id.asText()));
    }
    assertEquals(6, seen.size(), seen.toString());
    String written = Files.readString(folder.resolve("run/recipe.yaml"));
    assertTrue(written.contains("examples: 16"), written);
    assertTrue(Files.readString(folder.resolve("run/plan.txt")).contains("16 examples in 4 steps"));

    byte[] before = Files.readAllBytes(folder.resolve("run/stage1/metrics.jsonl"));
    String machines = "cluster: {gpus: 8, saveSeconds: 2}\n"; // changes no number
    Files.writeString(recipe, machines, StandardOpenOption.APPEND);
    assertEquals(0, command("run", recipe).exit());
    assertEquals(
        new String(before, StandardCharsets.UTF_8),
        Files.readString(folder.resolve("run/stage1/metrics.jsonl")),
        "a finished stage is reused");
    Outcome mixture = command("mixture", recipe);
    assertTrue(mixture.out().contains("16 examples in 4 steps of 4"), mixture.toString());
    Outcome plan = command("plan", recipe);
    assertTrue(plan.out().lines().anyMatch(line -> line.matches("steps +4")), plan.out());
    Outcome both = Outcome.of("plan", recipe.toString(), "--set", "stages.stage1.examples=8");
    assertEquals(2, both.exit());
    assertTrue(both.err().contains("must not be there beside 'examples'"), both.err());
  }

  /** Before its first step, a stage has the loss on its data that its first step then logs. */
  @Test
  void theValidationLossIsTheTrainingLossOfTheSameExamples() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "validation",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            suites:
              same: {tasks: {caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}, decode: {maxNewTokens: 1}}}}
            stages:
              - name: stage1
                init: %s
                examples: 6
                resolution: 16
                textTokens: 28
                batchSize: 6
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                evaluate: {suites: [same], gates: [{suite: same, task: caption, metric: loss, below: 100}]}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Outcome ran = command("run", recipe);
    assertEquals(0, ran.exit(), ran.err());
    JsonNode before = json("stage1/scores/before.same.json").at("/result/tasks/caption/loss");
    JsonNode after = json("stage1/scores/after.same.json").at("/result/tasks/caption/loss");
    assertEquals(6, before.path("n").asInt());
    assertEquals(
        lines("stage1/metrics.jsonl").get(0).path("loss").asDouble(),
        before.path("value").asDouble(),
        1e-4); // four digits of each example are kept
    assertTrue(after.path("value").asDouble() < before.path("value").asDouble());
  }

  /** No gain counts, so that the first evaluation stays the best and the second after it ends. */
  @Test
  void aStageEndsEarlyAndItsBestCheckpointStays() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "early",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            suites:
              heldout: {tasks: {caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 4, decode: {maxNewTokens: 1}}}}
            stages:
              - name: stage1
                init: %s
                examples: 80
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-30, schedule: {constant: {}}}
                checkpoint: {best: {suite: heldout, task: caption, metric: loss}}
                earlyStop: {suite: heldout, task: caption, metric: loss, patience: 2, minimumGain: 50}
                evaluate: {suites: [heldout], before: false, after: false, everyExamples: 8}
                export: {formats: []}
              - name: stage2
                init: {stage: stage1}
                examples: 4
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                handOver: {data: continue}
                export: {formats: []}
              - name: stage3
                init: {stage: stage2}
                examples: 4
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                handOver: {data: continue}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Outcome ran = command("run", recipe);
    assertEquals(0, ran.exit(), ran.err());
    assertEquals(List.of("examples-000000000008", "examples-000000000024"), checkpoints("stage1"));
    String notes = json("stage1/stage.json").path("notes").toString();
    assertTrue(notes.contains("ended early at 24 of 80 examples"), notes);
    assertTrue(notes.contains("best checkpoint examples-000000000008: loss "), notes);
    assertEquals(List.of("examples-000000000004"), checkpoints("stage2"));
    // Its order is still that of stage1; what it starts from is not.
    assertEquals(
        "starts from stage2 at 4 examples",
        json("stage3/start.json").path("notes").path(0).asText());
    // Killed before stage.json was written, it ends at the same place.
    Files.delete(folder.resolve("run/stage1/stage.json"));
    Outcome again = command("run", recipe);
    assertEquals(0, again.exit(), again.err());
    assertEquals(6, lines("stage1/metrics.jsonl").size());
  }

  private List<String> checkpoints(String stage) throws IOException {
    try (Stream<Path> entries =
        Files.list(folder.resolve("run").resolve(stage).resolve("checkpoints"))) {
      return entries
          .map(entry -> String.valueOf(entry.getFileName()))
          .filter(name -> name.startsWith("examples-"))
          .sorted()
          .toList();
    }
  }

  @Test
  void aLossOutsideOfWhatIsExpectedIsWarnedOf() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "band",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            stages:
              - name: stage1
                init: %s
                examples: 16
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                expectedLoss: [{examples: 6, from: 1, to: 20}, {examples: 16, from: 0, to: 0.01}]
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Logger logger = (Logger) LoggerFactory.getLogger("dev.palimpsest.stages.training.LossBand");
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    logger.addAppender(log);
    @Nullable Level level = logger.getLevel();
    logger.setLevel(Level.INFO);
    try {
      assertEquals(0, command("run", recipe).exit());
    } finally {
      logger.detachAppender(log);
      logger.setLevel(level);
    }
    assertEquals(2, log.list.size(), log.list.toString());
    assertEquals(Level.INFO, log.list.get(0).getLevel());
    String fine = log.list.get(0).getFormattedMessage();
    assertTrue(fine.matches("stage1: loss .* at 8 examples, as expected .*"), fine);
    assertEquals(Level.WARN, log.list.get(1).getLevel());
    String warning = log.list.get(1).getFormattedMessage();
    assertTrue(
        warning.contains("at 16 examples (mean of 4 steps), expected 0.000 to 0.010"), warning);
  }

  @Test
  void whatIsWatchedMustBeScoredWhileTheStageTrains() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "unwatched",
            """
            tasks: {caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}}
            suites: {heldout: {tasks: {caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}}}}}
            stages:
              - {name: stage1, init: {checkpoint: none}, examples: 4, resolution: 16, textTokens: 16, batchSize: 4,
                 mixture: {caption: 1}, optimizer: {learningRate: 1e-3, schedule: {constant: {}}},
                 earlyStop: {suite: heldout, task: captions, metric: loss},
                 checkpoint: {best: {suite: held, task: caption}},
                 evaluate: {suites: [heldout]}, learning_rate: 1e-3}
            """);
    Outcome outcome = Outcome.of("plan", recipe.toString());
    assertEquals(2, outcome.exit());
    for (String expected :
        List.of(
            "earlyStop: needs scores while the stage trains; give evaluate.everyExamples as well",
            "earlyStop.task: 'captions' is not a task of suite heldout; did you mean 'caption'?",
            "checkpoint.best.suite: 'held' is not a suite that this stage is scored on",
            "unknown key 'learning_rate'; did you mean 'optimizer.learningRate'?")) {
      assertTrue(outcome.err().contains(expected), expected + " in " + outcome.err());
    }
  }
}
