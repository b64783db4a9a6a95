package dev.palimpsest.eval.metrics.boxes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** COCO's box average precision; the headline is AP at IoU .50:.05:.95. */
public final class CocoMapMetric implements Metric {
  private static final MetricId ID = new MetricId("coco_map", "official", 1);

  @Override
  public MetricId id() {
    return ID;
  }

  @Override
  public String needs() {
    return "one record per image; fields: detections [{category_id, bbox, score}], annotations"
        + " [{id, category_id, bbox, area, iscrowd}], boxes as [x, y, width, height]";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    if (records.isEmpty()) {
      throw new MetricInputException(ID.key() + ": there are no examples to score");
    }
    List<CocoMap.Image> images = records.stream().sorted(BY_ID).map(CocoMapMetric::image).toList();
    CocoMap map = new CocoMap(images, CocoMap.categories(images));
    var summary = map.summary();
    return new MetricResult(
        ID,
        "AP",
        summary.getOrDefault("AP", -1.0),
        summary,
        List.of(),
        records.size(),
        0,
        map::averagePrecision);
  }

  /** Numbers as numbers, before texts. */
  private static final Comparator<MetricRecord> BY_ID =
      Comparator.comparing((MetricRecord r) -> !r.id().matches("\\d{1,18}"))
          .thenComparing(r -> r.id().matches("\\d{1,18}") ? Long.parseLong(r.id()) : 0L)
          .thenComparing(MetricRecord::id);

  /** The boxes and detections of a record. */
  public static CocoMap.Image image(MetricRecord record) {
    List<CocoMap.Truth> truths = new ArrayList<>();
    for (JsonNode node : record.require("annotations")) {
      truths.add(truth(record, node));
    }
    List<CocoMap.Detection> detections = new ArrayList<>();
    for (JsonNode node : record.require("detections")) {
      detections.add(detection(record, node));
    }
    return new CocoMap.Image(truths, detections);
  }

  private static CocoMap.Truth truth(MetricRecord record, JsonNode node) {
    double[] box = box(record, node, "annotations");
    return new CocoMap.Truth(
        number(record, node, "annotations", "id").longValue(),
        number(record, node, "annotations", "category_id").intValue(),
        box,
        node.has("area")
            ? number(record, node, "annotations", "area").doubleValue()
            : box[2] * box[3],
        node.path("iscrowd").asInt() == 1);
  }

  private static CocoMap.Detection detection(MetricRecord record, JsonNode node) {
    return new CocoMap.Detection(
        number(record, node, "detections", "category_id").intValue(),
        box(record, node, "detections"),
        number(record, node, "detections", "score").doubleValue());
  }

  private static double[] box(MetricRecord record, JsonNode node, String field) {
    if (node.path("bbox").size() != 4) {
      throw new MetricInputException(
          "record %s: field \"%s\": bbox must be 4 numbers, got %s"
              .formatted(record.id(), field, node.path("bbox")));
    }
    return record.numbers(node.path("bbox"), field);
  }

  private static JsonNode number(MetricRecord record, JsonNode node, String field, String key) {
    if (!node.path(key).isNumber()) {
      throw new MetricInputException(
          "record %s: field \"%s\": %s must be a number, got %s"
              .formatted(record.id(), field, key, node.path(key)));
    }
    return node.path(key);
  }
}
