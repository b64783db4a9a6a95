package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoreCommandTest {
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
    Outcome outcome = Outcome.of("score", file, "--metric", "chartqa", "--json", json.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(
        outcome
            .out()
            .startsWith("chartqa:official v1  relaxed_acc = 0.5000  n = 4  stderr = 0.2887"),
        outcome.out());
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
    Outcome outcome =
        Outcome.of("score", file, "--references", references.toString(), "--metric", "rouge_l");
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("ROUGE_L = 1.0000"), outcome.out());
  }

  @Test
  void aBenchmarksNameIsItsFirstMetric(@TempDir Path folder) throws IOException {
    String file =
        predictions(
            folder,
            "{\"id\": 1, \"prediction\": \"Clifford Pickover\", \"reference\": \"Clifford pickover\"}",
            "{\"id\": 2, \"prediction\": \"Yes\", \"reference\": \"Yes\"}");
    // OCR-VQA is scored in lower case (big_vision, transfers/ocrvqa.py:78).
    Outcome ocr = Outcome.of("score", file, "--metric", "ocrvqa");
    assertEquals(0, ocr.exit(), ocr.err());
    assertTrue(ocr.out().startsWith("exact_match:big_vision_to_lower v1  acc = 1.0000"), ocr.out());
    Outcome doc = Outcome.of("score", file, "--metric", "docvqa", "--metric", "infovqa");
    assertTrue(doc.out().contains("anls:big_vision v1  anls = 1.0000"), doc.out());
    assertTrue(doc.out().contains("anls:big_vision_any_order v1  anls = 1.0000"), doc.out());
  }

  @Test
  void anUnknownMetricSuggestsTheNearest(@TempDir Path folder) throws IOException {
    String file = predictions(folder, "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}");
    Outcome outcome = Outcome.of("score", file, "--metric", "cidr");
    assertEquals(2, outcome.exit(), outcome.err());
    assertTrue(outcome.err().contains("nearest: \"cider\""), outcome.err());
  }

  @Test
  void aMalformedLineIsTheUsersMistake(@TempDir Path folder) throws IOException {
    String file =
        predictions(folder, "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}", "nonsense");
    Outcome outcome = Outcome.of("score", file, "--metric", "exact_match");
    assertEquals(2, outcome.exit(), outcome.err());
    assertTrue(outcome.err().contains("p.jsonl:2: not JSON"), outcome.err());
  }

  @Test
  void aLineWithoutItsPredictionIsNoEmptyAnswer(@TempDir Path folder) throws IOException {
    String file = predictions(folder, "{\"id\": 1, \"answer\": \"a\", \"reference\": \"a\"}");
    Outcome outcome = Outcome.of("score", file, "--metric", "exact_match");
    assertEquals(2, outcome.exit(), outcome.out());
    assertTrue(outcome.err().contains("p.jsonl:1: \"prediction\" must be a text, got none"));
  }

  @Test
  void aMissingClusterFieldIsTheUsersMistake(@TempDir Path folder) throws IOException {
    String file =
        predictions(
            folder,
            "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\", \"image\": \"p\"}",
            "{\"id\": 2, \"prediction\": \"a\", \"reference\": \"b\"}");
    Outcome outcome = Outcome.of("score", file, "--metric", "exact_match", "--cluster", "image");
    assertEquals(2, outcome.exit(), outcome.out());
    assertTrue(outcome.err().contains("record 2 has no field \"image\""), outcome.err());
  }

  @Test
  void aMissingFileIsTheUsersMistake(@TempDir Path folder) {
    Outcome outcome = Outcome.of("score", folder.resolve("no.jsonl").toString(), "--metric", "vqa");
    assertEquals(2, outcome.exit(), outcome.err());
    assertTrue(outcome.err().contains("no.jsonl"), outcome.err());
  }

  @Test
  void cocosBoxesAreJoinedWithItsInstances(@TempDir Path folder) throws IOException {
    Path instances =
        Files.writeString(
            folder.resolve("instances.json"),
            """
            {"images": [{"id": 1}, {"id": 2}, {"id": 3}], "categories": [{"id": 5, "name": "cat"}],
             "annotations": [{"id": 10, "image_id": 1, "category_id": 5, "bbox": [0, 0, 20, 20], "area": 400, "iscrowd": 0},
                             {"id": 11, "image_id": 2, "category_id": 5, "bbox": [0, 0, 20, 20], "area": 400, "iscrowd": 0}]}
            """);
    Path detections =
        Files.writeString(
            folder.resolve("detections.json"),
            "[{\"image_id\": 1, \"category_id\": 5, \"bbox\": [0, 0, 20, 20], \"score\": 0.9}]");
    Path scores = folder.resolve("scores.json");
    Outcome outcome =
        Outcome.of(
            "score",
            detections.toString(),
            "--format",
            "coco",
            "--references",
            instances.toString(),
            "--metric",
            "coco_map",
            "--json",
            scores.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    // One of two cats is found, without a mistake: precision 1 at 51 of the 101 recalls.
    assertEquals(
        51 / 101.0,
        new ObjectMapper()
            .readTree(scores.toFile())
            .path("scores")
            .path(0)
            .path("value")
            .asDouble(),
        1e-12);
  }

  /** Captions, a split whose answers are not public, a file without boxes, or none at all. */
  @Test
  void detectionsWithoutInstancesSayWhichFileTheyNeed(@TempDir Path folder) throws IOException {
    Path detections =
        Files.writeString(
            folder.resolve("detections.json"),
            "[{\"image_id\": 1, \"category_id\": 5, \"bbox\": [0, 0, 20, 20], \"score\": 0.9}]");
    List<String> command =
        List.of("score", detections.toString(), "--format", "coco", "--metric", "coco_map");
    Outcome alone = Outcome.of(command.toArray(String[]::new));
    assertEquals(2, alone.exit());
    assertTrue(alone.err().contains(detections + ": COCO's detections"), alone.err());
    assertTrue(alone.err().contains("instances_val2017.json"), alone.err());
    Map<String, String> others =
        Map.of(
            "{\"images\": [{\"id\": 1}], \"annotations\": [{\"id\": 3, \"image_id\": 1, \"caption\": \"a\"}]}",
            "instances_val2017.json",
            "{\"images\": [{\"id\": 1}], \"annotations\": []}",
            "instances_val2017.json",
            "{\"images\": [{\"id\": 1}], \"categories\": []}",
            "answers are not public");
    for (Map.Entry<String, String> other : others.entrySet()) {
      Path references = Files.writeString(folder.resolve("other.json"), other.getKey());
      List<String> joined = new ArrayList<>(command);
      joined.addAll(List.of("--references", references.toString()));
      Outcome outcome = Outcome.of(joined.toArray(String[]::new));
      assertEquals(2, outcome.exit());
      assertTrue(outcome.err().contains(references.toString()), outcome.err());
      assertTrue(outcome.err().contains(other.getValue()), outcome.err());
    }
  }

  @Test
  void anotherShapeThanTheOneAskedForIsTheUsersMistake(@TempDir Path folder) throws IOException {
    Path vqa =
        Files.writeString(
            folder.resolve("vqa.json"),
            "[{\"question_id\": 7, \"answer\": \"teal\", \"gts\": [\"teal\"]}]");
    String[] command = {"score", vqa.toString(), "--metric", "exact_match", "--format", "vqa"};
    Outcome right = Outcome.of(command);
    assertEquals(0, right.exit(), right.err());
    command[5] = "lmms_eval";
    Outcome wrong = Outcome.of(command);
    assertEquals(2, wrong.exit());
    assertTrue(wrong.err().contains("expected a \"doc_id\" with \"filtered_resps\""), wrong.err());
    command[5] = "csv";
    Outcome unknown = Outcome.of(command);
    assertEquals(2, unknown.exit());
    assertTrue(
        unknown.err().contains("--format must be coco, vqa or lmms_eval, got 'csv'"),
        unknown.err());
  }

  @Test
  void listNamesEveryMetric() {
    Outcome outcome = Outcome.of("score", "--list");
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("refcoco_seg:big_vision"), outcome.out());
  }
}
