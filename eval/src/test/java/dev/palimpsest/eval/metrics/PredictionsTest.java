package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PredictionsTest {
  private static Path write(Path folder, String name, String... lines) throws IOException {
    return Files.write(folder.resolve(name), List.of(lines));
  }

  private static String refusal(Path file) {
    return String.valueOf(
        assertThrows(MetricInputException.class, () -> Predictions.read(file)).getMessage());
  }

  @Test
  void referencesMayStandInTheSameLine(@TempDir Path folder) throws IOException {
    Path file =
        write(
            folder,
            "p.jsonl",
            "{\"id\": 7, \"prediction\": \"a\", \"references\": [\"a\", \"b\"], \"split\": \"x\"}",
            "",
            "{\"id\": \"q\", \"prediction\": \"c\", \"reference\": \"d\"}");
    List<MetricRecord> records = Predictions.read(file);
    assertEquals("7", records.get(0).id());
    assertEquals(List.of("a", "b"), records.get(0).references());
    assertEquals("x", records.get(0).text("split").orElseThrow());
    assertEquals(List.of("d"), records.get(1).references());
  }

  @Test
  void referencesAreJoinedById(@TempDir Path folder) throws IOException {
    Path predictions =
        write(
            folder,
            "p.jsonl",
            "{\"id\": 2, \"prediction\": \"two\"}",
            "{\"id\": 1, \"prediction\": \"one\"}");
    Path references =
        write(
            folder,
            "r.jsonl",
            "{\"id\": 1, \"references\": [\"1\"], \"answer_type\": \"number\"}",
            "{\"id\": 2, \"references\": [\"2\"]}");
    List<MetricRecord> records = Predictions.read(predictions, references);
    assertEquals(List.of("one", "two"), records.stream().map(MetricRecord::prediction).toList());
    assertEquals("number", records.get(0).text("answer_type").orElseThrow());
  }

  @Test
  void idsOnOneSideOnlyAreNamed(@TempDir Path folder) throws IOException {
    Path predictions = write(folder, "p.jsonl", "{\"id\": 1, \"prediction\": \"one\"}");
    Path references =
        write(
            folder,
            "r.jsonl",
            "{\"id\": 1, \"references\": [\"1\"]}",
            "{\"id\": 22, \"references\": [\"2\"]}");
    String message =
        String.valueOf(
            assertThrows(
                    MetricInputException.class, () -> Predictions.read(predictions, references))
                .getMessage());
    assertTrue(message.contains("no prediction: 22"), message);
  }

  @Test
  void aMalformedLineIsNamedByFileAndNumber(@TempDir Path folder) throws IOException {
    Path file =
        write(
            folder, "p.jsonl", "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}", "{oops");
    assertTrue(refusal(file).contains("p.jsonl:2: not JSON"), refusal(file));
  }

  @Test
  void anIdGivenTwiceNamesBothLines(@TempDir Path folder) throws IOException {
    String line = "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}";
    Path file = write(folder, "p.jsonl", line, "", line);
    assertTrue(refusal(file).contains("p.jsonl:3"), refusal(file));
    assertTrue(refusal(file).contains("p.jsonl:1"), refusal(file));
  }

  @Test
  void aPredictionThatIsNoTextIsRefused(@TempDir Path folder) throws IOException {
    Path file = write(folder, "p.jsonl", "{\"id\": 1, \"prediction\": 5, \"reference\": \"5\"}");
    assertTrue(refusal(file).contains("p.jsonl:1: \"prediction\" must be a text"), refusal(file));
  }
}
