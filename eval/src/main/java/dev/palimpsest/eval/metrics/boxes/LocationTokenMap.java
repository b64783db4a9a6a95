package dev.palimpsest.eval.metrics.boxes;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * COCO's box average precision of detections as PaliGemma writes them: {@code <loc....>} four
 * times, perhaps sixteen {@code <seg...>}, a label; objects with semicolons between them.
 * Prediction and reference are both such texts. An object that is written earlier counts as more
 * confident. Labels are categories; boxes are on a canvas of 1024, so that nearly all are large by
 * COCO's areas.
 */
public final class LocationTokenMap implements Metric {
  private static final MetricId ID = new MetricId("coco_map", "loc_tokens", 1);
  private static final Pattern OBJECT =
      Pattern.compile(
          "<loc(\\d{4})><loc(\\d{4})><loc(\\d{4})><loc(\\d{4})>(?:<seg\\d{3}>)*+([^<;]*+)");

  private final Metric map = new CocoMapMetric();

  /** A box with its label. */
  private record Found(String label, double[] box) {}

  @Override
  public MetricId id() {
    return ID;
  }

  @Override
  public String needs() {
    return "references: 1, a text of <loc> tokens and labels; one record per prompt";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Map<String, Integer> categories = new LinkedHashMap<>();
    List<MetricRecord> boxes = new ArrayList<>();
    int unreadable = 0;
    long annotation = 0;
    for (MetricRecord record : records) {
      ArrayNode annotations = JsonNodeFactory.instance.arrayNode();
      for (Found truth : found(record.onlyReference())) {
        ObjectNode node = object(annotations, truth, categories);
        node.put("id", ++annotation).put("area", truth.box[2] * truth.box[3]).put("iscrowd", 0);
      }
      List<Found> predicted = found(record.prediction());
      unreadable += predicted.isEmpty() ? 1 : 0;
      ArrayNode detections = JsonNodeFactory.instance.arrayNode();
      for (int i = 0; i < predicted.size(); i++) {
        object(detections, predicted.get(i), categories).put("score", 1.0 / (1 + i));
      }
      boxes.add(
          new MetricRecord(
              record.id(),
              "",
              List.of(),
              Map.of("annotations", annotations, "detections", detections)));
    }
    MetricResult result = map.score(boxes);
    return new MetricResult(
        ID,
        result.quantity(),
        result.value(),
        result.values(),
        result.examples(),
        result.n(),
        unreadable,
        result.headline());
  }

  private static ObjectNode object(ArrayNode list, Found found, Map<String, Integer> categories) {
    ObjectNode node = list.addObject();
    node.put("category_id", categories.computeIfAbsent(found.label, l -> categories.size() + 1));
    ArrayNode box = node.putArray("bbox");
    for (double value : found.box) {
      box.add(value);
    }
    return node;
  }

  private static List<Found> found(String text) {
    List<Found> found = new ArrayList<>();
    Matcher matcher = OBJECT.matcher(text);
    while (matcher.find()) {
      double top = Integer.parseInt(matcher.group(1));
      double left = Integer.parseInt(matcher.group(2));
      double bottom = Integer.parseInt(matcher.group(3));
      double right = Integer.parseInt(matcher.group(4));
      if (bottom > top && right > left) {
        found.add(
            new Found(
                PythonText.strip(matcher.group(5)),
                new double[] {left, top, right - left, bottom - top}));
      }
    }
    return found;
  }
}
