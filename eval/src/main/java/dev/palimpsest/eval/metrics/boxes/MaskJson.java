package dev.palimpsest.eval.metrics.boxes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.mixtures.codecs.Mask;
import java.util.ArrayList;
import java.util.List;

/**
 * Masks in the forms used by COCO's files and tools (cocoapi, PythonAPI/pycocotools/coco.py,
 * annToRLE):
 *
 * <pre>
 * {"size": [height, width], "counts": "0e7..."}      run lengths, compressed to text
 * {"size": [height, width], "counts": [5450, 4, 80]} run lengths as they are, background first
 * [[x1, y1, x2, y2, x3, y3], ...]                    polygons, together one mask
 * [x1, y1, x2, y2, x3, y3]                           one polygon
 * []                                                 nothing
 * </pre>
 */
public final class MaskJson {
  private MaskJson() {}

  /**
   * A mask field.
   *
   * @throws MetricInputException when it has none of these forms, or another size than the image
   */
  public static Mask read(MetricRecord record, String field, int height, int width) {
    JsonNode node = record.require(field);
    try {
      if (node.isObject()) {
        return runs(node, height, width);
      }
      if (!node.isArray()) {
        throw new IllegalArgumentException(
            "expected polygons or {\"size\": [height, width], \"counts\": ...}, got " + node);
      }
      List<double[]> polygons = new ArrayList<>();
      if (node.path(0).isNumber()) {
        polygons.add(polygon(record, field, node));
      } else {
        for (JsonNode points : node) {
          polygons.add(polygon(record, field, points));
        }
      }
      return Mask.ofPolygons(polygons, height, width);
    } catch (IllegalArgumentException e) {
      throw new MetricInputException(
          "record " + record.id() + ": field \"" + field + "\": " + e.getMessage());
    }
  }

  private static Mask runs(JsonNode node, int height, int width) {
    JsonNode size = node.path("size");
    if (size.size() != 2 || size.get(0).asDouble() != height || size.get(1).asDouble() != width) {
      throw new IllegalArgumentException(
          "size must be the image's [%d,%d], got %s"
              .formatted(height, width, size.isMissingNode() ? "none" : size));
    }
    JsonNode counts = node.path("counts");
    if (counts.isTextual()) {
      return Mask.ofRle(counts.textValue(), height, width);
    }
    if (!counts.isArray()) {
      throw new IllegalArgumentException(
          "counts must be a text or a list of run lengths, got "
              + (counts.isMissingNode() ? "none" : counts));
    }
    int[] runs = new int[counts.size()];
    for (int i = 0; i < runs.length; i++) {
      JsonNode run = counts.get(i);
      if (!run.canConvertToExactIntegral() || !run.canConvertToInt()) {
        throw new IllegalArgumentException("run lengths must be whole numbers, got " + run);
      }
      runs[i] = run.intValue();
    }
    return Mask.ofRuns(runs, height, width);
  }

  /** A polygon with fewer than three points: an outline around nothing, as in pycocotools. */
  private static double[] polygon(MetricRecord record, String field, JsonNode points) {
    if (!points.isArray() || points.size() % 2 == 1) {
      throw new IllegalArgumentException(
          "a polygon must be a list of pairs of x and y, got " + points);
    }
    return points.size() < 6 ? new double[0] : record.numbers(points, field);
  }
}
