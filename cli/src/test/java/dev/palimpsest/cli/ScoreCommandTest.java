package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ScoreCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = Main.commandLine();
    if (!line.getSubcommands().containsKey("score")) {
      line.addSubcommand(new ScoreCommand());
    }
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(arguments);
  }

  private static String predictions(Path folder, String... lines) throws IOException {
    return Files.write(folder.resolve("p.jsonl"), List.of(lines)).toString();
  }

  @Test
  void valueErrorAndIntervalArePrintedAndWritten(@TempDir Path folder) throws IOException {
    String file =
        predictions(
            folder,
            "{\"id\": 1, \"prediction\": \"10.4\", \"reference\": \"10\"}",
            "{\"id\": 2, \"prediction\": \"Blue\", \"reference\": \"blue\"}",
            "{\"id\": 3, \"prediction\": \"7\", \"reference\": \"10\"}",
            "{\"id\": 4, \"prediction\": \"8\", \"reference\": \"10\"}");
    Path json = folder.resolve("scores.json");
    assertEquals(0, run("score", file, "--metric", "chartqa", "--json", json.toString()));
    assertTrue(
        out.toString()
            .startsWith("chartqa:official v1  relaxed_acc = 0.5000  n = 4  stderr = 0.2887"),
        out.toString());
    JsonNode score = JsonMapper.builder().build().readTree(json.toFile()).path("scores").path(0);
    assertEquals(0.5, score.path("value").doubleValue());
    assertEquals(0.25, score.path("values").path("acc").doubleValue());
    assertEquals("official", score.path("variant").asText());
    assertTrue(score.path("interval").path("low").isNumber());
  }

  @Test
  void referencesComeFromAnotherFile(@TempDir Path folder) throws IOException {
    String file = predictions(folder, "{\"id\": 1, \"prediction\": \"a dog\"}");
    Path references = folder.resolve("r.jsonl");
    Files.writeString(references, "{\"id\": 1, \"references\": [\"a cat\", \"a dog\"]}\n");
    assertEquals(
        0, run("score", file, "--references", references.toString(), "--metric", "rouge_l"));
    assertTrue(out.toString().contains("ROUGE_L = 1.0000"), out.toString());
  }

  @Test
  void anUnknownMetricSuggestsTheNearest(@TempDir Path folder) throws IOException {
    String file = predictions(folder, "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}");
    assertEquals(2, run("score", file, "--metric", "cidr"));
    assertTrue(err.toString().contains("nearest: \"cider\""), err.toString());
  }

  @Test
  void aMalformedLineIsTheUsersMistake(@TempDir Path folder) throws IOException {
    String file =
        predictions(folder, "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}", "nonsense");
    assertEquals(2, run("score", file, "--metric", "exact_match"));
    assertTrue(err.toString().contains("p.jsonl:2: not JSON"), err.toString());
  }

  @Test
  void aMissingFileIsTheUsersMistake(@TempDir Path folder) {
    assertEquals(2, run("score", folder.resolve("no.jsonl").toString(), "--metric", "vqa"));
    assertTrue(err.toString().contains("no.jsonl"), err.toString());
  }

  @Test
  void listNamesEveryMetric() {
    assertEquals(0, run("score", "--list"));
    assertTrue(out.toString().contains("refcoco_seg:big_vision"), out.toString());
  }
}
