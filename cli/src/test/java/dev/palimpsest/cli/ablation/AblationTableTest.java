package dev.palimpsest.cli.ablation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.ablation.Ablation.Choice;
import dev.palimpsest.configs.AblationConfig;
import dev.palimpsest.configs.AblationConfig.Expectation;
import dev.palimpsest.configs.AblationConfig.Relation;
import dev.palimpsest.configs.AblationConfig.Scale;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class AblationTableTest {
  private static Ablation ablation(String metric) {
    Map<String, List<String>> variants = new LinkedHashMap<>();
    variants.put("a", List.of());
    variants.put("b", List.of("x=1"));
    List<String> sets = List.of("stages.stage1.examples=128", "stages.stage1.examples=64");
    Scale scale =
        new Scale(
            "r.yaml",
            sets,
            "stage1",
            "heldout",
            null,
            metric,
            Map.of(),
            List.of(new Expectation("a", Relation.NO_BETTER, "b")));
    AblationConfig config =
        new AblationConfig(
            "test",
            "Which <one>?",
            "Section 9",
            Map.of("small", scale),
            variants,
            List.of(0L, 1L, 2L),
            List.of(
                new Expectation("a", Relation.BETTER, "b"),
                new Expectation("b", Relation.NO_BETTER, "a"),
                new Expectation("b", Relation.BETTER, "a")),
            "a wins");
    Choice choice = new Choice("small", sets.subList(1, 2), List.of(), Path.of("out"), null);
    return new Ablation(config, scale, choice, List.of());
  }

  private static Measured plain(double value) {
    return new Measured(value, "cider:official", Map.of("t", value), Map.of());
  }

  @Test
  void withoutValuesOfExamplesSeedsArePaired() throws IOException {
    Map<Long, Measured> a = new TreeMap<>();
    Map<Long, Measured> b = new TreeMap<>();
    double[] differences = {0.1, 0.2, 0.3};
    for (int seed = 0; seed < 3; seed++) {
      a.put((long) seed, plain(0.5 + seed));
      b.put((long) seed, plain(0.5 + seed - differences[seed]));
    }
    AblationTable table = AblationTable.of(ablation("cider"), Map.of("a", a, "b", b), List.of());
    JsonNode json = Json.STRICT.readTree(AblationJson.of(table));
    assertEquals(1.5, json.at("/variants/0/mean").asDouble(), 1e-12);
    assertEquals(1.0, json.at("/variants/0/deviation").asDouble(), 1e-12);
    assertEquals("seeds", json.at("/variants/1/difference/over").asText());
    assertEquals(-0.2, json.at("/variants/1/difference/difference").asDouble(), 1e-12);
    // t = 0.2 / (0.1 / sqrt 3) = 3.4641 with 2 degrees of freedom
    assertEquals(0.07418, json.at("/variants/1/difference/p").asDouble(), 1e-5);
    assertEquals("undecided", json.at("/expected/0/outcome").asText());
    assertEquals("agrees", json.at("/expected/1/outcome").asText());
    assertEquals("undecided", json.at("/expected/2/outcome").asText());
    String text = String.join("\n", table.lines());
    assertTrue(
        text.contains(
            "a better than b: undecided, difference +0.2000, not significant (p = 0.074 over 3 seeds)"),
        text);
  }

  @Test
  void examplesArePairedWhereTheyHaveValuesAndALowerLossIsBetter() throws IOException {
    Map<String, Double> easy = Map.of("1", 1.0, "2", 2.0, "3", 3.0);
    Map<String, Double> hard = Map.of("1", 1.5, "2", 2.6, "3", 3.4, "4", 9.0);
    Measured a = new Measured(2, "loss", Map.of("t", 2.0), Map.of("t", easy));
    Measured b = new Measured(2.5, "loss", Map.of("t", 2.5), Map.of("t", hard));
    AblationTable table =
        AblationTable.of(
            ablation("loss"), Map.of("a", Map.of(0L, a), "b", Map.of(0L, b)), List.of("b, seed 1"));
    JsonNode json = Json.STRICT.readTree(AblationJson.of(table));
    assertEquals("examples", json.at("/variants/1/difference/over").asText());
    assertEquals(3, json.at("/variants/1/difference/pairs").asInt());
    assertEquals(0.5, json.at("/variants/1/difference/difference").asDouble(), 1e-12);
    assertEquals("agrees", json.at("/expected/0/outcome").asText());
    assertEquals("disagrees", json.at("/expected/2/outcome").asText());
    assertEquals("disagrees", json.at("/expected/3/outcome").asText()); // of this size alone
    assertTrue(json.at("/expected/0/p").asDouble() < 0.05);
    assertTrue(json.at("/variants/0/deviation").isMissingNode()); // one seed has none
    String page = AblationPage.of(table);
    assertTrue(page.contains("Which &lt;one&gt;?") && page.contains("<svg"), page);
    assertTrue(page.contains("b, seed 1"), page);
  }

  @Test
  void everyTaskHasItsOwnDifferences() throws IOException {
    Map<String, Double> asked = Map.of("1", 1.0, "2", 2.0);
    Map<String, Double> read = Map.of("1", 5.0, "2", 7.0, "3", 6.0);
    Map<String, Double> readWorse = Map.of("1", 6.0, "2", 9.0, "3", 7.5);
    Measured a =
        new Measured(
            3.75, "loss", Map.of("ask", 1.5, "read", 6.0), Map.of("ask", asked, "read", read));
    Measured b =
        new Measured(
            4.5, "loss", Map.of("ask", 1.5, "read", 7.5), Map.of("ask", asked, "read", readWorse));
    AblationTable table =
        AblationTable.of(
            ablation("loss"), Map.of("a", Map.of(0L, a), "b", Map.of(0L, b)), List.of());
    JsonNode tasks = Json.STRICT.readTree(AblationJson.of(table)).at("/variants/1/tasks");
    assertEquals(7.5, tasks.at("/read/mean").asDouble(), 1e-12);
    assertEquals(1.5, tasks.at("/read/difference/difference").asDouble(), 1e-12);
    // 1, 2 and 1.5: a deviation of 0.5
    assertEquals(0.5 / Math.sqrt(3), tasks.at("/read/difference/standardError").asDouble(), 1e-12);
    assertEquals("tasks", table.rows().get(0).get(8));
    assertEquals("", table.rows().get(1).get(8));
    assertEquals("0 better, 1 worse of 2", table.rows().get(2).get(8));
    assertEquals(0, tasks.at("/ask/difference/difference").asDouble());
    String page = AblationPage.of(table);
    assertTrue(page.contains("<td>7.5000 (+1.5000 ± 0.2887)</td>"), page);
    assertTrue(
        page.contains("<dt>all of them</dt><dd><code>stages.stage1.examples=64</code></dd>"), page);
    assertTrue(table.lines().contains("with stages.stage1.examples=64"), table.lines().toString());
  }

  @Test
  void beforeTheFirstRunHasEndedThereIsNoTable() {
    AblationTable table = AblationTable.of(ablation("loss"), Map.of(), List.of("a, seed 0"));
    assertEquals(
        List.of(
            "test at small scale: no run has ended",
            "with stages.stage1.examples=64",
            "failed: a, seed 0"),
        table.lines());
    assertTrue(AblationPage.of(table).contains("No run has ended."));
  }

  @Test
  void aSingleSeedWithoutValuesOfExamplesIsNotTested() {
    AblationTable table =
        AblationTable.of(
            ablation("cider"),
            Map.of("a", Map.of(0L, plain(1)), "b", Map.of(0L, plain(2))),
            List.of());
    String text = String.join("\n", table.lines());
    assertTrue(text.contains("undecided, difference -1.0000, not tested"), text);
  }
}
