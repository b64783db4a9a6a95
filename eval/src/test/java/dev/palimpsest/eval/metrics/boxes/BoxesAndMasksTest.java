package dev.palimpsest.eval.metrics.boxes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

  /** What Python's re and lmms-eval's pattern (tasks/refcoco/utils_rec.py at 75571cf) say. */
  @Test
  void bracketsAreReadAsLmmsEvalReadsThem() throws IOException {
    Map<String, Boolean> read =
        Map.of(
            "[0.0,0.0,0.5,1.0]", true,
            "[ 0.0, 0.0, 0.5, 1.0 ]", true,
            "[0.0,\n0.0,\t0.5,\u00a01.0]", true,
            "[0.0 , 0.0, 0.5, 1.0]", false,
            "[0.0, 0.0, 0.5 ,1.0]", false,
            "[0.0, 0.0, 0.5, 1.]", false,
            "(0.0, 0.0, 0.5, 1.0)", false,
            "[+0.0, 0.0, 0.5, 1.0]", false);
    for (Map.Entry<String, Boolean> text : read.entrySet()) {
      MetricRecord record =
          record(text.getKey(), "{\"bbox\": [0, 0, 100, 50], \"width\": 100, \"height\": 50}");
      MetricResult result = Metrics.find("refcoco_box:lmms_eval").score(List.of(record));
      assertEquals(text.getValue() ? 1 : 0, result.value(), text.getKey());
      assertEquals(text.getValue() ? 0 : 1, result.parseFailures(), text.getKey());
    }
  }

  @Test
  void boxesAreSoughtInLinearTime() {
    for (String part : List.of("1", "1 ", "[", "[ ", "1,", "1.", "-", "1e", " ", "[1, ")) {
      String text = part.repeat(100_000 / part.length());
      assertTimeout(
          Duration.ofSeconds(5),
          () -> {
            BoxText.all(text);
            BoxText.bracketed(text);
          },
          part);
    }
    assertEquals(
        List.of(new Box(-2, 3, 4, 5e-1), new Box(2.3, 4, 5, 6)),
        BoxText.all("1-2 3, 4 5e-1; 1.2.3 4 5 6"));
  }

  /** One mask, 3 high and 4 wide, its middle columns inside, in each of COCO's forms. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"size\": [3, 4], \"counts\": [3, 6, 3]}",
        "{\"size\": [3, 4], \"counts\": [3, 6, 3, 0]}",
        "{\"size\": [3.0, 4], \"counts\": [3, 6.0, 3]}",
        "{\"size\": [3, 4], \"counts\": \"363\"}",
        "[[1, 0, 3, 0, 3, 3, 1, 3]]",
        "[[1, 0, 2, 0, 2, 3, 1, 3], [2, 0, 3, 0, 3, 3, 2, 3]]",
        "[[1, 0, 3, 0], [1, 0, 3, 0, 3, 3, 1, 3]]",
        "[1, 0, 3, 0, 3, 3, 1, 3]"
      })
  void masksAreReadInEveryFormOfCoco(String form) throws IOException {
    for (String truth : List.of(form, "{\"size\": [3, 4], \"counts\": [3, 6, 3]}")) {
      MetricRecord record =
          record(
              "",
              "{\"height\": 3, \"width\": 4, \"mask\": %s, \"prediction_mask\": %s}"
                  .formatted(truth, form));
      assertEquals(1, Metrics.find("refcoco_seg:official").score(List.of(record)).value());
    }
  }

  @Test
  void decodedMasksAreHeldAgainstPlainRunLengthsToo() throws IOException {
    String inside = IntStream.range(0, 64 * 64).mapToObj(i -> "1").collect(Collectors.joining(","));
    MetricRecord record =
        record(
            "<loc0000><loc0256><loc1023><loc0768>" + "<seg000>".repeat(16),
            "{\"height\": 3, \"width\": 4, \"bbox\": [1, 0, 2, 3], \"mask64\": [%s], \"mask\": {\"size\": [3, 4], \"counts\": [3, 6, 3]}}"
                .formatted(inside));
    MetricResult result = Metrics.find("refcoco_seg:big_vision").score(List.of(record));
    assertEquals(1, result.value());
    assertEquals(0, result.parseFailures());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"size\": [4, 3], \"counts\": [3, 6, 3]}; size must be the image's [3,4], got [4,3]",
        "{\"size\": [6, 8], \"counts\": \"0\"}; size must be the image's [3,4], got [6,8]",
        "{\"counts\": [3, 6, 3]}; size must be the image's [3,4], got none",
        "{\"size\": [3, 4], \"counts\": [3, 6]}; run lengths sum to 9",
        "{\"size\": [3, 4], \"counts\": [3, -1, 10]}; run lengths do not fit",
        "{\"size\": [3, 4], \"counts\": [3, 4000000000, 3]}; run lengths must be whole numbers",
        "{\"size\": [3, 4], \"counts\": [3, 1.5, 7.5]}; run lengths must be whole numbers",
        "{\"size\": [3, 4], \"counts\": [3, \"6\", 3]}; run lengths must be whole numbers",
        "{\"size\": [3, 4]}; counts must be a text or a list of run lengths, got none",
        "[1, 0, 3, 0, 3]; a polygon must be a list of pairs of x and y",
        "[7]; a polygon must be a list",
        "\"363\"; expected polygons"
      })
  void whatIsNoMaskOfTheImageIsRefused(String form, String reason) throws IOException {
    MetricRecord record =
        record(
            "",
            "{\"height\": 3, \"width\": 4, \"mask\": [[1, 0, 3, 0, 3, 3]], \"prediction_mask\": %s}"
                .formatted(form));
    MetricInputException refused =
        assertThrows(
            MetricInputException.class,
            () -> Metrics.find("refcoco_seg:official").score(List.of(record)));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.contains(reason), message);
    assertTrue(message.startsWith("record 1: field \"prediction_mask\": "), message);
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
