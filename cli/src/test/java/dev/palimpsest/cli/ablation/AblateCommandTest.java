package dev.palimpsest.cli.ablation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.Launched;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An ablation as a user starts it: killed, started again, and read. */
class AblateCommandTest {
  @TempDir Path folder;

  private Path ablation() throws IOException {
    String stage =
        """
          - name: %s
            init: {stage: %s}
            examples: %d
            resolution: 16
            textTokens: 16
            batchSize: 4
            mixture: {caption: 1}
            optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
            evaluate: {suites: [heldout], before: false}
        """;
    Path recipe =
        TinyRecipe.write(
            folder,
            "varied",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            suites:
              heldout:
                tasks:
                  caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 1}}
            stages:
              - name: stage0
                init: %s
                resolution: 16
                textTokens: 16
            """
                    .formatted(TinyRecipe.IMPORT)
                + stage.formatted("stage1", "stage0", 8)
                + stage.formatted("stage2", "stage1", 8)
                + stage.formatted("stage3", "stage2", 8));
    return Files.writeString(
        folder.resolve("rates.yaml"),
        """
        name: rates
        seeds: [7]
        scales: {tiny: {recipe: '%s', stage: stage2, suite: heldout, metric: loss}}
        variants:
          fast: []
          still: ['stages.stage2.optimizer.learningRate=0']
        expected: [{variant: fast, is: better, than: still}]
        outcome: what learns is better
        """
            .formatted(recipe));
  }

  @Test
  void sharedStagesAreTrainedOnceAKillIsSurvivedAndTheTableIsThatOfTheScores() throws Exception {
    Path file = ablation();
    Path out = folder.resolve("out");
    Path shared = folder.resolve("shared");
    List<String> command =
        List.of(
            "ablate",
            file.toString(),
            "--out=" + out,
            "--share=" + shared,
            "--seeds=0",
            "--set=stages.stage1.examples=4");
    Launched first = Launched.start(folder, Map.of(), command);
    while (first.process().isAlive()
        && !Files.readString(first.err()).contains("; 1 to go, about 0:0")) {
      Thread.sleep(20);
    }
    first.process().descendants().forEach(ProcessHandle::destroyForcibly);
    first.process().destroyForcibly().waitFor();
    String said = Files.readString(first.err());
    assertTrue(
        said.contains("preparing data and towers in " + out.resolve("prepared"))
            && said.contains("2 of 2 runs to do; what they say goes to " + out.resolve("logs")),
        said);
    assertFalse(Files.exists(out.resolve("table.txt")));

    Outcome outcome = Launched.start(folder, Map.of(), command).finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains("fast, seed 0: done before"), outcome.err());
    assertTrue(outcome.err().contains("1 of 2 runs to do"), outcome.err());
    assertFalse(outcome.err().contains("preparing"), outcome.err());
    String log = Files.readString(out.resolve("logs/still.seed-0.log"));
    assertTrue(
        log.contains("stage1: taken over from " + out.resolve("runs/fast/seed-0/stage1")), log);
    assertTrue(log.contains("stage2: begins") && !log.contains("stage2: taken over"), log);
    assertFalse(Files.exists(out.resolve("runs/still/seed-0/stage3")));
    try (Stream<Path> named = Files.list(shared)) {
      assertEquals(4, named.filter(path -> path.toString().endsWith(".json")).count());
    }
    assertFalse(Files.exists(out.resolve("stages")));
    List<String> steps = Files.readAllLines(out.resolve("runs/fast/seed-0/stage1/metrics.jsonl"));
    assertEquals(4, Json.STRICT.readTree(steps.get(steps.size() - 1)).path("examples").asLong());
    Path data = out.resolve("runs/still/seed-0/data");
    assertTrue(Files.isSymbolicLink(data) && Files.exists(data.resolve("tokenizer.model")));

    JsonNode table = Json.STRICT.readTree(out.resolve("table.json").toFile());
    for (int variant = 0; variant < 2; variant++) {
      String name = table.at("/variants/" + variant + "/name").asText();
      JsonNode score =
          Json.STRICT.readTree(
              out.resolve("runs/" + name + "/seed-0/stage2/scores/after.heldout.json").toFile());
      assertEquals(
          score.at("/result/tasks/caption/loss/value").asDouble(),
          table.at("/variants/" + variant + "/mean").asDouble(),
          1e-12);
    }
    assertTrue(
        outcome
            .err()
            .contains(
                String.format(
                    Locale.ROOT,
                    "still, seed 0: loss %.4f in ",
                    table.at("/variants/1/mean").asDouble())),
        outcome.err());
    assertEquals("stages.stage1.examples=4", table.at("/set/0").asText());
    // So little training changes nothing that is certain.
    assertEquals("undecided", table.at("/expected/0/outcome").asText(), table.toString());
    assertEquals("examples", table.at("/expected/0/over").asText());
    assertTrue(outcome.out().contains("fast better than still: undecided"), outcome.out());
    assertEquals(
        Files.readString(out.resolve("table.txt")),
        outcome.out().substring(0, outcome.out().lastIndexOf(out.toString())));
    assertTrue(Files.readString(out.resolve("report.html")).contains("</html>"));
  }
}
