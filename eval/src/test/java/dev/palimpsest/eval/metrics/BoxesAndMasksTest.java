package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
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
  void runLengthCodesReturnWhatWasWritten() {
    SplittableRandom random = new SplittableRandom(7);
    for (int trial = 0; trial < 200; trial++) {
      int height = 1 + random.nextInt(20);
      int width = 1 + random.nextInt(20);
      BitSet pixels = new BitSet();
      for (int i = 0; i < height * width; i++) {
        pixels.set(i, random.nextInt(4) == 0);
      }
      Mask mask = new Mask(height, width, pixels);
      assertEquals(mask, Mask.ofRle(mask.rle(), height, width), "trial " + trial);
    }
  }

  @Test
  void aRunLengthCodeOfAnotherSizeIsRefused() {
    String code = Mask.ofPolygons(List.of(new double[] {0, 0, 4, 0, 4, 4, 0, 4}), 8, 8).rle();
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRle(code, 8, 9));
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRle(code, 4, 4));
  }

  @Test
  void resizingToTheSameSizeChangesNothing() {
    float[] image = {1, -2, 3, 4, 5, -6};
    assertArrayEquals(image, BilinearResize.resize(image, 2, 3, 2, 3));
  }

  /**
   * Pixel centres 0.5 and 1.5 from the output's centre weigh 3 and 1, what is cut off is made up.
   */
  @Test
  void shrinkingByTwoWidensTheTriangle() {
    float[] row = {0, 0, 8, 0};
    float[] half = BilinearResize.resize(row, 1, 4, 1, 2);
    assertEquals(8 / 7.0, half[0], 1e-6);
    assertEquals(8 * 3 / 7.0, half[1], 1e-6);
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
}
