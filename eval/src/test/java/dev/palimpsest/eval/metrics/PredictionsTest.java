package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
  void aByteOrderMarkNanAndIdsOfPandasAreRead(@TempDir Path folder) throws IOException {
    Path predictions =
        write(folder, "p.jsonl", "\ufeff{\"id\": 2.0, \"prediction\": \"two\", \"score\": NaN}");
    Path references = write(folder, "r.jsonl", "{\"id\": 2, \"reference\": \"two\"}");
    assertEquals(1, Predictions.read(predictions, references).size());
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

  /** One question, as each program writes its answer; in lines and as a list. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'id': 7, 'prediction': 'Teal', 'references': ['teal', 'blue']}",
        "{'question_id': 7, 'answer': 'Teal', 'gts': ['teal', 'blue']}",
        "{'question_id': 7, 'answer': 'teal', 'answer_raw': 'Teal', 'gts': ['teal', 'blue']}",
        "{'questionId': '7', 'answer': 'Teal', 'gts': ['teal', 'blue']}",
        "{'index': 7, 'question': 'q', 'prediction': 'Teal', 'answer': ['teal', 'blue']}",
        "{'question_id': 7, 'prediction': 'Teal', 'references': ['teal', 'blue']}",
        "{'image': '7', 'answer': 'Teal', 'references': ['teal', 'blue']}",
        "{'image_id': 7, 'caption': 'Teal', 'references': ['teal', 'blue']}",
        "{'doc_id': 7, 'doc': {'question': 'q'}, 'target': ['teal', 'blue'], 'arguments': {},"
            + " 'resps': [[' Teal']], 'filtered_resps': ['Teal'], 'doc_hash': '0'}",
        "{'doc_id': 7, 'doc': {'answers': [{'answer': 'teal'}, {'answer': 'blue'}]},"
            + " 'target': 'teal', 'resps': [['Teal']]}"
      })
  void rowsOfOtherProgramsAreRead(String row, @TempDir Path folder) throws IOException {
    String json = row.replace('\'', '"');
    for (String text : List.of(json, "[" + json + "]", "\ufeff" + json, "\n [\n" + json + "\n]")) {
      List<MetricRecord> records = Predictions.read(write(folder, "p.jsonl", text));
      assertEquals(1, records.size());
      assertEquals("7", records.get(0).id());
      assertEquals("Teal", records.get(0).prediction());
      assertEquals(List.of("teal", "blue"), records.get(0).references());
    }
  }

  @Test
  void annotationsOfCocoAndVqaAreReferences(@TempDir Path folder) throws IOException {
    Path captions =
        write(folder, "results.json", "[{\"image_id\": 3, \"caption\": \"A kettle.\"}]");
    Path coco =
        write(
            folder,
            "captions_val2014.json",
            "{\"images\": [{\"id\": 3}],",
            " \"annotations\": [{\"image_id\": 3, \"id\": 1, \"caption\": \"one\"},",
            "  {\"image_id\": 3, \"id\": 2, \"caption\": \"two\"}]}");
    assertEquals(List.of("one", "two"), Predictions.read(captions, coco).get(0).references());
    Path answers = write(folder, "a.json", "[{\"question_id\": 4, \"answer\": \"teal\"}]");
    Path vqa =
        write(
            folder,
            "v2_mscoco_val2014_annotations.json",
            "{\"annotations\": [{\"question_id\": 4, \"answer_type\": \"other\","
                + " \"answers\": [{\"answer\": \"teal\"}, {\"answer\": \"red\"}]}]}");
    MetricRecord record = Predictions.read(answers, vqa).get(0);
    assertEquals(List.of("teal", "red"), record.references());
    assertEquals("other", record.text("answer_type").orElseThrow());
  }

  @Test
  void aRowWithAnnotationsOfItsOwnIsARow(@TempDir Path folder) throws IOException {
    Path file = write(folder, "p.jsonl", "{\"id\": 1, \"annotations\": [], \"detections\": []}");
    assertEquals("1", Predictions.read(file).get(0).id());
  }

  @Test
  void whatIsNotReadIsCalledByItsName(@TempDir Path folder) throws IOException {
    Map<String, String> refusals =
        Map.of(
            "PK\u0003\u0004...", "an Excel file, as VLMEvalKit writes",
            "index\tquestion\tprediction\tanswer\n0\tq\ta\ta", "a table; expected JSON lines",
            "index,prediction\n0,a", "a table; expected JSON lines",
            "{\"results\": {},\n \"configs\": {}}", "lmms-eval's summary",
            "{\n\"7\": \"teal\"}", "one JSON object; expected JSON lines with \"id\"",
            "{\"key\": 7}", "no \"id\"; expected JSON lines with \"id\"",
            "[1, 2]", "item 1: expected a JSON object, got 1",
            "{\"annotations\": [{\"id\": 1}]}",
                "neither a caption nor answers to a question nor a box");
    for (Map.Entry<String, String> refusal : refusals.entrySet()) {
      Path file = write(folder, "p.jsonl", refusal.getKey());
      assertTrue(refusal(file).contains(refusal.getValue()), refusal(file));
      assertTrue(refusal(file).contains("p.jsonl"), refusal(file));
    }
  }
}
