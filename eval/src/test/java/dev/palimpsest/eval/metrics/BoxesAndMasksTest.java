package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BoxesAndMasksTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private static MetricRecord record(String prediction, String fields) throws IOException {
    Map<String, JsonNode> map = new HashMap<>();
    JSON.readTree(fields).properties().forEach(e -> map.put(e.getKey(), e.getValue()));
    return new MetricRecord("1", prediction, List.of(), map);
  }

  @Test
  void halfAnOverlapCounts() throws IOException {
    MetricRecord half =
        record(
            "[0.0, 0.0, 0.5, 1.0]", "{\"bbox\": [0, 0, 100, 50], \"width\": 100, \"height\": 50}");
    assertEquals(1, Metrics.find("refcoco_box:lmms_eval").score(List.of(half)).value());
  }

  @Test
  void aPredictionWithoutABoxIsAParseFailure() throws IOException {
    MetricRecord none =
        record("the left one", "{\"bbox\": [0, 0, 100, 50], \"width\": 100, \"height\": 50}");
    for (String metric : List.of("official", "big_vision", "lmms_eval")) {
      MetricResult result = Metrics.find("refcoco_box:" + metric).score(List.of(none));
      assertEquals(0, result.value());
      assertEquals(1, result.parseFailures());
    }
  }

  @Test
  void locationTokensAreReadTopLeftBottomRight() throws IOException {
    MetricRecord exact =
        record(
            "<loc0000><loc0341><loc1023><loc0682> cat",
            "{\"bbox\": [100, 0, 100, 200], \"width\": 300, \"height\": 200}");
    MetricResult result = Metrics.find("refcoco_box:big_vision").score(List.of(exact));
    assertEquals(1, result.values().getOrDefault("IoU", 0.0), 1e-12);
  }

  @Test
  void aMissingFieldIsNamed() throws IOException {
    MetricRecord record = record("[0.0, 0.0, 0.5, 1.0]", "{\"bbox\": [0, 0, 100, 50]}");
    MetricInputException e =
        assertThrows(
            MetricInputException.class,
            () -> Metrics.find("refcoco_box:lmms_eval").score(List.of(record)));
    assertTrue(String.valueOf(e.getMessage()).contains("width"), e.getMessage());
  }

  @Test
  void anImageWithoutTruthIsUndefined() throws IOException {
    MetricRecord record =
        record(
            "",
            "{\"annotations\": [], \"detections\": [{\"category_id\": 1, \"bbox\": [0,0,5,5],"
                + " \"score\": 0.5}]}");
    assertEquals(-1, Metrics.find("coco_map").score(List.of(record)).value());
  }

  @Test
  void detectionsInLocationTokensAreScoredByTheirTexts() {
    String two =
        "<loc0100><loc0100><loc0300><loc0300> cat ; <loc0400><loc0400><loc0900><loc0900> dog";
    Metric metric = Metrics.find("coco_map:loc_tokens");
    MetricResult right = metric.score(List.of(new MetricRecord("1", two, List.of(two))));
    assertEquals(1, right.value(), 1e-12);
    // One of two categories is found.
    MetricResult half =
        metric.score(List.of(new MetricRecord("1", two.substring(0, 40), List.of(two))));
    assertEquals(0.5, half.value(), 1e-12);
    MetricResult none = metric.score(List.of(new MetricRecord("1", "a cat", List.of(two))));
    assertEquals(0, none.value(), 1e-12);
    assertEquals(1, none.parseFailures());
  }
}
