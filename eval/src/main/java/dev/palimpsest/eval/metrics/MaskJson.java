package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.codecs.Mask;
import java.util.ArrayList;
import java.util.List;

/** Masks as benchmark files write them. */
final class MaskJson {
  private MaskJson() {}

  /**
   * A mask field: {@code {"size": [h, w], "counts": "..."}}, a list of polygons, or one flat
   * polygon.
   */
  static Mask read(MetricRecord record, String field, int height, int width) {
    JsonNode node = record.require(field);
    try {
      if (node.isObject()) {
        JsonNode size = node.path("size");
        if (size.size() == 2
            && (size.get(0).intValue() != height || size.get(1).intValue() != width)) {
          throw new IllegalArgumentException(
              "size %s, but the image is [%d,%d]".formatted(size, height, width));
        }
        return Mask.ofRle(node.path("counts").asText(), height, width);
      }
      List<double[]> polygons = new ArrayList<>();
      if (node.size() > 0 && node.get(0).isNumber()) {
        polygons.add(record.numbers(node, field));
      } else {
        for (JsonNode polygon : node) {
          polygons.add(record.numbers(polygon, field));
        }
      }
      return Mask.ofPolygons(polygons, height, width);
    } catch (IllegalArgumentException e) {
      throw new MetricInputException(
          "record " + record.id() + ": field \"" + field + "\": " + e.getMessage());
    }
  }
}
