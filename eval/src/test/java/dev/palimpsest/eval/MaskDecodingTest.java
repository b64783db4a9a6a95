package dev.palimpsest.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Segmentation tokens are decoded before they are judged. */
class MaskDecodingTest {
  @Test
  void completeAnswersGetTheirMapAndOthersStayAsTheyAre() throws IOException {
    Path decoder;
    try (Stream<Path> files =
        Files.list(Path.of("..", "mixtures", "src", "test", "resources", "golden", "masks"))) {
      decoder = files.filter(f -> f.toString().endsWith(".npz")).findFirst().orElseThrow();
    }
    Map<String, JsonNode> fields = new HashMap<>();
    new ObjectMapper()
        .readTree(
            "{\"height\": 20, \"width\": 30, \"bbox\": [0, 0, 30, 20],"
                + " \"mask\": [[0, 0, 30, 0, 30, 20, 0, 20]]}")
        .properties()
        .forEach(e -> fields.put(e.getKey(), e.getValue()));
    String box = "<loc0000><loc0000><loc1023><loc1023>";
    List<MetricRecord> records =
        Metrics.find("refcoco_seg:big_vision")
            .prepared(
                List.of(
                    new MetricRecord("1", box + "<seg007>".repeat(16), List.of(), fields),
                    new MetricRecord("2", box + "<seg007>", List.of(), fields)),
                decoder);
    assertEquals(
        64 * 64, records.get(0).fields().getOrDefault("mask64", MissingNode.getInstance()).size());
    assertFalse(records.get(1).fields().containsKey("mask64"));
    MetricResult result = Metrics.find("refcoco_seg:big_vision").score(records);
    assertEquals(1, result.parseFailures());
    assertEquals(0.5, result.values().get("boxacc/0.5"));
    assertTrue(result.value() >= 0 && result.value() <= 0.5);
  }
}
