package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import dev.palimpsest.eval.metrics.boxes.Box;
import dev.palimpsest.eval.metrics.boxes.BoxText;
import dev.palimpsest.eval.metrics.boxes.CocoMap;
import dev.palimpsest.eval.metrics.boxes.CocoMapMetric;
import dev.palimpsest.eval.metrics.boxes.MaskJson;
import dev.palimpsest.eval.metrics.boxes.RefCocoBox;
import dev.palimpsest.eval.metrics.boxes.RefCocoSegmentation;
import dev.palimpsest.eval.metrics.registry.Metrics;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Golden numbers of boxes and masks. */
final class BoxGoldens {
  private BoxGoldens() {}

  static void boxes(JsonNode file, GoldenComparison comparison) {
    MetricId lmms = Metrics.find("refcoco_box:lmms_eval").id();
    MetricId official = Metrics.find("refcoco_box:official").id();
    for (JsonNode example : file.path("parse_cases")) {
      String text = example.path("text").asText();
      JsonNode expected = example.path("expected");
      comparison.text(
          lmms,
          "box in a text",
          boxes(List.of(StatisticsGoldens.doubles(expected.path("lmms_refcoco_parse")))),
          boxes(List.of(corners(BoxText.bracketed(text).orElse(Box.ZERO)))));
      List<double[]> wanted = new ArrayList<>();
      expected.path("lmms_grounding_parse").forEach(b -> wanted.add(StatisticsGoldens.doubles(b)));
      comparison.text(
          official,
          "boxes in a text",
          boxes(wanted),
          boxes(BoxText.all(text).stream().map(BoxGoldens::corners).toList()));
    }
    Scoreboard board = new Scoreboard(lmms, "ACC@0.5");
    JsonNode aggregate = file.path("aggregate_over_cases_without_error");
    List<String> counted = TextGoldens.texts(aggregate.path("ids"));
    for (JsonNode example : file.path("cases")) {
      double[] p = StatisticsGoldens.doubles(example.path("pred_xyxy"));
      double[] g = StatisticsGoldens.doubles(example.path("gt_xyxy"));
      Box predicted = new Box(p[0], p[1], p[2], p[3]);
      Box truth = new Box(g[0], g[1], g[2], g[3]);
      JsonNode expected = example.path("expected");
      double iou = predicted.iou(truth);
      comparison.number(lmms, "IoU", expected.path("lmms_refcoco_iou"), iou);
      comparison.number(
          official,
          "IoU",
          expected.path("lmms_grounding_iou_clamped"),
          predicted.clampedIou(truth));
      comparison.number(
          Metrics.find("coco_map").id(),
          "IoU of two boxes",
          expected.path("pycocotools_iou"),
          CocoMap.iou(
              new double[] {p[0], p[1], p[2] - p[0], p[3] - p[1]},
              new double[] {g[0], g[1], g[2] - g[0], g[3] - g[1]},
              false));
      truth(comparison, lmms, "ACC@0.5", expected.path("acc@0.5"), iou >= 0.5);
      boolean centered = truth.holdsCenterOf(predicted);
      truth(comparison, lmms, "Center_ACC", expected.path("center_acc"), centered);
      if (counted.contains(example.path("id").asText())) {
        RefCocoBox.add(
            board, new MetricRecord(example.path("id").asText(), "", List.of()), iou, centered);
      }
    }
    whole(comparison, board.result(), aggregate.path("lmms"));
  }

  static void masks(JsonNode file, GoldenComparison comparison) {
    MetricId id = Metrics.find("refcoco_seg:official").id();
    List<MetricRecord> records = new ArrayList<>();
    for (JsonNode example : file.path("cases")) {
      MetricRecord record =
          new MetricRecord(
              example.path("id").asText(),
              "",
              List.of(),
              Map.of(
                  "height", example.path("height"),
                  "width", example.path("width"),
                  "mask", example.path("gt_polygons"),
                  "prediction_mask", example.path("pred_polygons")));
      records.add(record);
      int height = example.path("height").intValue();
      int width = example.path("width").intValue();
      JsonNode expected = example.path("expected");
      Mask truth = MaskJson.read(record, "mask", height, width);
      Mask predicted = MaskJson.read(record, "prediction_mask", height, width);
      for (Map.Entry<String, Mask> side : Map.of("gt", truth, "pred", predicted).entrySet()) {
        Mask mask = side.getValue();
        String rle = expected.path(side.getKey() + "_rle").asText();
        comparison.text(id, "run-length code", rle, mask.rle());
        comparison.text(id, "run-length code, read", rle, Mask.ofRle(rle, height, width).rle());
        comparison.number(id, "area", expected.path(side.getKey() + "_area"), mask.area());
        int[] box = mask.boundingBox();
        for (int i = 0; i < 4; i++) {
          comparison.number(
              id, "bounding box", expected.path(side.getKey() + "_bbox").path(i), box[i]);
        }
      }
      comparison.number(
          id, "intersection", expected.path("intersection"), predicted.intersection(truth));
      comparison.number(id, "union", expected.path("union"), predicted.union(truth));
      comparison.number(id, "IoU", expected.path("iou"), predicted.iou(truth));
    }
    MetricResult result = Metrics.find(id.key()).score(records);
    whole(comparison, result, file.path("aggregate"));
  }

  static void decodedMasks(JsonNode file, GoldenComparison comparison) {
    MetricId id = Metrics.find("refcoco_seg:big_vision").id();
    Scoreboard board = new Scoreboard(id, "miou");
    int invalid = 0;
    for (JsonNode example : file.path("cases")) {
      int height = example.path("height").intValue();
      int width = example.path("width").intValue();
      double[] b = StatisticsGoldens.doubles(example.path("gt_bbox_y1x1y2x2_norm"));
      double[] scaled = StatisticsGoldens.doubles(example.path("decoder_mask64_times128"));
      float[] map = new float[scaled.length];
      for (int i = 0; i < map.length; i++) {
        map[i] = (float) (scaled[i] / 128);
      }
      RefCocoSegmentation.Verdict verdict =
          RefCocoSegmentation.judge(
              tokens(example),
              map,
              new Box(b[1], b[0], b[3], b[2]),
              Mask.ofRle(example.path("gt_mask_rle").path("counts").asText(), height, width));
      JsonNode expected = example.path("expected");
      comparison.number(id, "mask IoU", expected.path("mask_iou"), verdict.maskIou());
      comparison.number(id, "invalid", expected.path("invalid"), verdict.invalid() ? 1 : 0);
      board.add(new MetricRecord(example.path("id").asText(), "", List.of()), verdict.maskIou());
      for (double threshold : List.of(0.5, 0.75)) {
        int right = verdict.boxIou() >= threshold ? 1 : 0;
        comparison.number(id, "boxacc", expected.path("boxacc_" + threshold), right);
        board.add("boxacc/" + threshold, right);
      }
      invalid += verdict.invalid() ? 1 : 0;
    }
    board.put("invalid", invalid);
    board.put("total", file.path("cases").size());
    whole(comparison, board.result(), file.path("aggregate"));
  }

  /** The location tokens if all tokens are present and in range, otherwise none. */
  private static int[] tokens(JsonNode example) {
    StringBuilder text = new StringBuilder();
    example
        .path("loc_tokens_y1x1y2x2")
        .forEach(t -> text.append("<loc%04d>".formatted(t.intValue())));
    example.path("seg_tokens").forEach(t -> text.append("<seg%03d>".formatted(t.intValue())));
    return RefCocoSegmentation.segments(text.toString()).isPresent()
        ? LocationTokens.leading(text.toString()).orElse(new int[0])
        : new int[0];
  }

  static void averagePrecision(JsonNode file, GoldenComparison comparison) {
    Metric metric = Metrics.find("coco_map");
    for (JsonNode scene : file.path("cases")) {
      List<Integer> categories = new ArrayList<>();
      scene.path("gt").path("categories").forEach(c -> categories.add(c.path("id").intValue()));
      List<MetricRecord> records = new ArrayList<>();
      List<Long> ids = new ArrayList<>();
      scene.path("gt").path("images").forEach(i -> ids.add(i.path("id").longValue()));
      for (long image : ids.stream().sorted().toList()) {
        records.add(
            new MetricRecord(
                Long.toString(image),
                "",
                List.of(),
                Map.of(
                    "annotations", of(image, scene.path("gt").path("annotations")),
                    "detections", of(image, scene.path("detections")))));
      }
      JsonNode expected = scene.path("expected");
      whole(comparison, metric.score(records), expected.path("stats"));
      CocoMap.Curves curves =
          new CocoMap(
                  records.stream().map(CocoMapMetric::image).toList(),
                  categories.stream().sorted().toList())
              .curves();
      for (int k = 0; k < categories.size(); k++) {
        comparison.number(
            metric.id(),
            "AP of a category",
            expected.path("AP_per_category").path(k),
            curves.meanPrecision(k, t -> true));
        comparison.number(
            metric.id(),
            "AP50 of a category",
            expected.path("AP50_per_category").path(k),
            curves.meanPrecision(k, t -> t == 0.5));
      }
      for (int i = 0; i <= 10; i++) {
        comparison.number(
            metric.id(),
            "precision at a recall",
            expected.path("precision_cat1_iou50_every10th_recall").path(i),
            curves.precision[0][0][10 * i]);
      }
      for (int t = 0; t < 10; t++) {
        comparison.number(
            metric.id(),
            "recall at an IoU",
            expected.path("recall_cat1_all_ious_maxdet100").path(t),
            curves.recall[0][t]);
      }
    }
  }

  private static JsonNode of(long image, JsonNode all) {
    ArrayNode own = JsonNodeFactory.instance.arrayNode();
    all.forEach(
        node -> {
          if (node.path("image_id").longValue() == image) {
            own.add(node);
          }
        });
    return own;
  }

  private static void truth(
      GoldenComparison comparison,
      MetricId id,
      String quantity,
      JsonNode expected,
      boolean actual) {
    if (expected.isBoolean()) {
      comparison.text(id, quantity, expected.asText(), String.valueOf(actual));
    }
  }

  /** Every number of an aggregate that a metric computes, by the metric's own name. */
  private static void whole(GoldenComparison comparison, MetricResult result, JsonNode aggregate) {
    aggregate
        .properties()
        .forEach(
            e ->
                comparison.number(
                    result.metric(),
                    "whole split",
                    e.getValue(),
                    result.values().getOrDefault(e.getKey(), Double.NaN)));
  }

  private static double[] corners(Box box) {
    return new double[] {box.x1(), box.y1(), box.x2(), box.y2()};
  }

  private static String boxes(List<double[]> boxes) {
    return boxes.stream().map(Arrays::toString).toList().toString();
  }
}
