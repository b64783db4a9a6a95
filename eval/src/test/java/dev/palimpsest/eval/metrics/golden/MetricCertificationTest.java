package dev.palimpsest.eval.metrics.golden;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.golden.MetricCertification.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Values computed by the official programs. Tolerance 1e-6: both sides are doubles, only the order
 * of summation differs.
 */
public class MetricCertificationTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  public static Path golden(String name) {
    return Path.of("src/test/resources/metrics", name + ".json");
  }

  @ParameterizedTest
  @CsvSource({
    "vqav2, 377",
    "vqa_soft_accuracy, 575",
    "anls, 174",
    "chartqa, 410",
    "aokvqa, 15",
    "exact_match, 299",
    "stats, 17",
    "ptb_tokenizer, 215",
    "ptb_tokenizer_lines, 3440",
    "coco_caption, 502",
    "refcoco_box, 183",
    "refcoco_seg_bigvision, 53",
    "refcoco_seg_masks, 211",
    "coco_map, 363",
  })
  void everyGoldenNumberIsReproduced(String file, int numbers) throws IOException {
    List<Row> rows = MetricCertification.run(golden(file));
    assertAll(rows.stream().map(row -> () -> assertTrue(row.passes(), row::toString)));
    assertEquals(numbers, rows.stream().mapToInt(Row::compared).sum());
  }

  @Test
  void aWrongExpectationIsReported(@TempDir Path folder) throws IOException {
    JsonNode file = JSON.readTree(golden("anls").toFile());
    ((ObjectNode) file.path("cases").get(3).path("expected")).put("lmms_eval", 0.81);
    Path changed = folder.resolve("changed.json");
    Files.writeString(changed, file.toString());
    List<Row> failed =
        MetricCertification.run(changed).stream().filter(row -> !row.passes()).toList();
    assertEquals(List.of("lmms_eval"), failed.stream().map(Row::variant).toList());
    assertEquals(0.01, failed.get(0).largestError(), 1e-12);
  }

  @Test
  void aFileIsRecognisedWithoutItsName(@TempDir Path folder) throws IOException {
    ObjectNode file = (ObjectNode) JSON.readTree(golden("vqav2").toFile());
    file.remove(List.of("name", "description", "reference", "set"));
    Path anonymous = folder.resolve("x");
    Files.writeString(anonymous, file.toString());
    assertTrue(MetricCertification.recognises(anonymous));
  }

  @Test
  void otherJsonIsRefused(@TempDir Path folder) throws IOException {
    Path other = folder.resolve("other.json");
    Files.writeString(other, "{\"cases\": [{\"id\": 1}]}");
    assertFalse(MetricCertification.recognises(other));
    assertThrows(MetricInputException.class, () -> MetricCertification.run(other));
  }
}
