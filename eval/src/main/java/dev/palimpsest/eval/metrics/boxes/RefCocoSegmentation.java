package dev.palimpsest.eval.metrics.boxes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Referring expressions by mask. */
public final class RefCocoSegmentation {
  private RefCocoSegmentation() {}

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(new Polygons(), new Tokens());
  }

  /** Compares two masks in the image's resolution. */
  private static final class Polygons implements Metric {
    private static final MetricId ID = new MetricId("refcoco_seg", "official", 1);

    @Override
    public MetricId id() {
      return ID;
    }

    @Override
    public String needs() {
      return "fields: height, width, mask (the truth) and prediction_mask, as polygons or COCO"
          + " run-length codes; one record per expression";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(ID, "mIoU");
      long intersections = 0;
      long unions = 0;
      for (MetricRecord record : records) {
        int height = record.integer("height");
        int width = record.integer("width");
        Mask truth = MaskJson.read(record, "mask", height, width);
        Mask predicted = MaskJson.read(record, "prediction_mask", height, width);
        double iou = predicted.iou(truth);
        board.add(record, iou);
        for (double threshold : List.of(0.5, 0.6, 0.7, 0.8, 0.9)) {
          board.add("P@" + threshold, iou >= threshold ? 1 : 0);
        }
        intersections += predicted.intersection(truth);
        unions += predicted.union(truth);
      }
      board.put("cIoU", unions == 0 ? 0 : (double) intersections / unions);
      return board.result();
    }
  }

  /**
   * PaliGemma's output: four location tokens, sixteen segmentation tokens, and the 64 x 64 map that
   * the mask decoder computes from the latter.
   */
  private static final class Tokens implements Metric {
    private static final MetricId ID = new MetricId("refcoco_seg", "big_vision", 1);

    @Override
    public MetricId id() {
      return ID;
    }

    /** The published mask decoder. */
    @Override
    public Optional<String> file() {
      return Optional.of("refcoco/vae-oid.npz");
    }

    @Override
    public List<MetricRecord> prepared(List<MetricRecord> records, Path file) {
      SegmentationTokens codec = SegmentationTokens.load(file);
      List<MetricRecord> prepared = new ArrayList<>();
      for (MetricRecord record : records) {
        Optional<int[]> codes = segments(record.prediction());
        if (codes.isEmpty()) {
          prepared.add(record);
          continue;
        }
        ArrayNode map = JsonNodeFactory.instance.arrayNode();
        for (float value : codec.decode(codes.get())) {
          map.add(value);
        }
        Map<String, JsonNode> fields = new LinkedHashMap<>(record.fields());
        fields.put("mask64", map);
        prepared.add(
            new MetricRecord(record.id(), record.prediction(), record.references(), fields));
      }
      return prepared;
    }

    @Override
    public String needs() {
      return "prediction: <loc> and <seg> tokens; fields: mask64 (4096 numbers in [-1, 1], row by"
          + " row, the mask decoder's output for the seg tokens; may be absent if the"
          + " prediction is invalid), mask, bbox [x, y, width, height] in pixels, height, width";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(ID, "miou");
      int invalid = 0;
      for (MetricRecord record : records) {
        int height = record.integer("height");
        int width = record.integer("width");
        boolean complete = segments(record.prediction()).isPresent();
        Verdict verdict =
            judge(
                complete
                    ? LocationTokens.leading(record.prediction()).orElse(new int[0])
                    : new int[0],
                complete ? decoded(record) : new float[0],
                RefCocoBox.truth(record),
                MaskJson.read(record, "mask", height, width));
        invalid += verdict.invalid ? 1 : 0;
        if (verdict.invalid) {
          board.parseFailure();
        }
        board.add(record, verdict.maskIou);
        board.add("boxacc/0.5", verdict.boxIou >= 0.5 ? 1 : 0);
        board.add("boxacc/0.75", verdict.boxIou >= 0.75 ? 1 : 0);
      }
      board.put("invalid", invalid);
      board.put("total", records.size());
      return board.result();
    }

    private static float[] decoded(MetricRecord record) {
      JsonNode node = record.require("mask64");
      double[] values = record.numbers("mask64", SegmentationTokens.SIDE * SegmentationTokens.SIDE);
      float[] map = new float[node.size()];
      for (int i = 0; i < map.length; i++) {
        map[i] = (float) values[i];
      }
      return map;
    }
  }

  /**
   * @param boxIou NaN, which does not count as a success, if both boxes are empty
   */
  public record Verdict(double maskIou, double boxIou, boolean invalid) {}

  /** The sixteen segmentation tokens after the four location tokens at the beginning of a text. */
  public static Optional<int[]> segments(String text) {
    int locations = 4 * "<loc0000>".length();
    return LocationTokens.leading(text).isEmpty()
        ? Optional.empty()
        : SegmentationTokens.leading(text.substring(locations));
  }

  /**
   * Scores one expression as big_vision does.
   *
   * @param locations y1 x1 y2 x2 in bins, empty when the tokens were invalid
   * @param map float32 [64, 64], values above 0 are inside
   * @param box the true box, fractions of the image
   * @param truth the true mask
   */
  public static Verdict judge(int[] locations, float[] map, Box box, Mask truth) {
    boolean valid =
        locations.length == 4 && locations[2] > locations[0] && locations[3] > locations[1];
    if (!valid) {
      return new Verdict(0, overlap(Box.ZERO, box), true);
    }
    Box predicted = BoxText.ofLocations(locations);
    double boxIou = overlap(predicted, box);
    int left = (int) (predicted.x1() * truth.width());
    int top = (int) (predicted.y1() * truth.height());
    int right = (int) (predicted.x2() * truth.width());
    int bottom = (int) (predicted.y2() * truth.height());
    if (right <= left || bottom <= top) {
      return new Verdict(0, boxIou, true);
    }
    Mask painted =
        SegmentationTokens.paint(map, top, left, bottom, right, truth.height(), truth.width());
    return new Verdict(painted.iou(truth), boxIou, false);
  }

  private static double overlap(Box predicted, Box truth) {
    double union = predicted.area() + truth.area() - predicted.intersection(truth);
    return predicted.intersection(truth) / union;
  }
}
