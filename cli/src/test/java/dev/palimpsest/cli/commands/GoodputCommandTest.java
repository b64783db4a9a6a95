package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A run on machines that fail, as a recipe describes them. */
class GoodputCommandTest {
  private static final String STAGES =
      """
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
      stages:
        - &stage
          name: one
          init: %s
          examples: 16
          resolution: 16
          textTokens: 16
          batchSize: 4
          mixture: {caption: 1}
          optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
          checkpoint: {everyMinutes: 5}
        - {<<: *stage, name: two, init: {stage: one}, checkpoint: {everyExamples: 8}}
        - {<<: *stage, name: three, init: {stage: two}}
        - {<<: *stage, name: four, init: {stage: three}, checkpoint: {}}
      """
          .formatted(TinyRecipe.IMPORT);

  @TempDir Path folder;

  private Path recipe(String cluster) throws IOException {
    return TinyRecipe.write(folder, "failing", cluster + STAGES);
  }

  private static Outcome goodput(Path recipe, String... options) {
    List<String> arguments = new ArrayList<>(List.of("goodput", recipe.toString()));
    arguments.addAll(List.of(options));
    return Outcome.of(arguments.toArray(String[]::new));
  }

  private static String firstLine(Outcome outcome) {
    assertEquals(0, outcome.exit(), outcome.err());
    return outcome.out().lines().findFirst().orElseThrow();
  }

  @Test
  void theMachinesAreTheRecipesUnlessOptionsSayOtherwise() throws IOException {
    Path recipe =
        recipe("cluster: {gpus: 64, hoursToFailure: 6400, saveSeconds: 20, restartSeconds: 90}\n");
    assertEquals(
        "64 GPUs of 6,400 hours to failure: one failure in 100:00:00; saves of 20 s, restarts of 90 s",
        firstLine(goodput(recipe)));
    assertEquals(
        "64 GPUs of 6,400 hours to failure: one failure in 100:00:00; saves of 5 s, restarts of 90 s",
        firstLine(goodput(recipe, "--set", "cluster.saveSeconds=5")));
    assertEquals(
        "128 GPUs of 1,280 hours to failure: one failure in 10:00:00; saves of 7 s, restarts of 8 s",
        firstLine(
            goodput(
                recipe,
                "--gpus=128",
                "--mttf-hours=1280",
                "--save-seconds=7",
                "--restart-seconds=8",
                "--set",
                "cluster.saveSeconds=5")));
  }

  @Test
  void theRecipesOwnIntervalsAreJudgedBesideTheBest() throws IOException {
    Path recipe = recipe("cluster: {gpus: 256}\n");
    Outcome table = goodput(recipe);
    assertEquals(0, table.exit(), table.err());
    List<String> lines = table.out().lines().toList();
    assertTrue(lines.get(4).matches(" +1:\\d\\d:\\d\\d .* best: everyMinutes 100"), table.out());
    assertTrue(lines.get(7).matches(" +0:05:00 .* everyMinutes 5: one, three"), table.out());
    assertTrue(lines.get(8).matches(" +0:30:00 .* everyMinutes 30: four"), table.out());
    assertEquals(
        "saved by examples alone, whose time is not known here: two; give it with --interval-seconds",
        lines.get(10));

    JsonNode json = Json.STRICT.readTree(goodput(recipe, "--json").out());
    assertEquals(256, json.at("/machines/gpus").asInt());
    assertEquals(7, json.path("intervals").size());
    assertEquals("[\"one\",\"three\"]", json.at("/intervals/5/stages").toString());
    assertEquals(300, json.at("/intervals/5/seconds").asDouble());
    double own = json.at("/intervals/5/shares/useful").asDouble();
    double best = json.at("/intervals/2/shares/useful").asDouble();
    assertEquals(json.path("bestIntervalSeconds"), json.at("/intervals/2/seconds"));
    // Saves of 30 s every 5 minutes take 9 % of the time.
    assertTrue(own > 0.89 && own < 0.91 && best > 0.98, json.toString());
  }

  @Test
  void aRecipeWithoutMachinesIsToldWhatToWrite() throws IOException {
    Path recipe = recipe("");
    Outcome refused = goodput(recipe);
    assertEquals(2, refused.exit());
    assertTrue(
        refused
            .err()
            .contains(
                recipe
                    + " has no 'cluster'; write there, for example, 'cluster: {gpus: 256}', or give --gpus 256"),
        refused.err());
    Outcome set = goodput(recipe, "--set", "cluster={gpus: 256}");
    assertEquals(
        "256 GPUs of 50,000 hours to failure: one failure in 195:18:45; saves of 30 s, restarts of 600 s",
        firstLine(set));
    assertEquals(set.out(), goodput(recipe, "--gpus", "256").out());
  }

  /** What this command said before recipes had machines. */
  @Test
  void gpusAloneAreEnough() {
    Outcome alone = Outcome.of("goodput", "--gpus", "1024");
    assertEquals(
        """
        1024 GPUs of 50,000 hours to failure: one failure in 48:49:41; saves of 30 s, restarts of 600 s
        save every  goodput  saving   lost   restarting
           0:13:46  95.92 %   3.48 %   0.25 %   0.35 %
           0:27:32  97.40 %   1.77 %   0.48 %   0.35 %
           0:55:05  97.82 %   0.89 %   0.95 %   0.35 %  best
           1:50:09  97.33 %   0.44 %   1.88 %   0.35 %
           3:40:18  95.66 %   0.22 %   3.78 %   0.35 %
        Daly's formula: 0:53:48, Young's: 0:54:08
        """,
        alone.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "| give a run folder, a recipe with a 'cluster', or --gpus",
        "--gpus=0| --gpus must be from 1 to 1000000 GPUs, got 0",
        "--gpus=8 --mttf-hours=0| --mttf-hours must be from 0.01 to 1e9, got 0",
        "--gpus=8 --set=seed=1| --set changes a value of a recipe; give the recipe as well",
        "there-is-none.yaml| there-is-none.yaml: no such file",
      })
  void mistakesAreToldInASentence(String options, String message) {
    String line = options == null ? "goodput" : "goodput " + options;
    Outcome refused = Outcome.of(line.split(" "));
    assertEquals(2, refused.exit());
    assertTrue(refused.err().contains(message), refused.err());
    assertFalse(refused.err().contains("\tat "), refused.err());
  }

  @Test
  void aRunIsShownNotSimulated() throws IOException {
    Files.writeString(folder.resolve("goodput.jsonl"), "");
    Outcome refused = goodput(folder, "--gpus", "8");
    assertEquals(2, refused.exit());
    assertTrue(
        refused.err().contains("give a recipe, such as " + folder.resolve("recipe.yaml")),
        refused.err());
  }
}
