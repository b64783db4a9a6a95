package dev.palimpsest.eval.metrics.boxes;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;

/**
 * Referring expressions by box: the share of expressions whose box overlaps the true one by at
 * least half. Predictions and truth are fractions of the image.
 */
public final class RefCocoBox implements Metric {
  private static final List<Double> THRESHOLDS = List.of(0.1, 0.3, 0.5, 0.7, 0.75, 0.9);

  private final MetricId id;
  private final Function<String, Optional<Box>> parser;
  private final ToDoubleBiFunction<Box, Box> iou;

  private RefCocoBox(
      String variant, Function<String, Optional<Box>> parser, ToDoubleBiFunction<Box, Box> iou) {
    this.id = new MetricId("refcoco_box", variant, 1);
    this.parser = parser;
    this.iou = iou;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        // Four numbers in any notation.
        new RefCocoBox("official", text -> BoxText.all(text).stream().findFirst(), Box::clampedIou),
        new RefCocoBox(
            "big_vision",
            text -> LocationTokens.leading(text).map(BoxText::ofLocations),
            Box::clampedIou),
        new RefCocoBox("lmms_eval", BoxText::bracketed, Box::iou));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "fields: bbox [x, y, width, height] in pixels, width and height of the image; one record"
        + " per expression";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "ACC@0.5");
    for (MetricRecord record : records) {
      Box truth = truth(record);
      Optional<Box> parsed = parser.apply(record.prediction());
      if (parsed.isEmpty()) {
        board.parseFailure();
      }
      Box box = parsed.orElse(Box.ZERO);
      add(board, record, iou.applyAsDouble(box, truth), truth.holdsCenterOf(box));
    }
    return board.result();
  }

  /**
   * Adds an expression: whether the overlap reaches each threshold, and whether the centre matches.
   */
  public static void add(Scoreboard board, MetricRecord record, double overlap, boolean centered) {
    board.add(record, overlap >= 0.5 ? 1 : 0);
    for (double threshold : THRESHOLDS) {
      if (threshold != 0.5) {
        board.add("ACC@" + threshold, overlap >= threshold ? 1 : 0);
      }
    }
    board.add("IoU", overlap);
    board.add("Center_ACC", centered ? 1 : 0);
  }

  /** The true box as fractions of the image. */
  static Box truth(MetricRecord record) {
    double[] bbox = record.numbers("bbox", 4);
    double width = record.integer("width");
    double height = record.integer("height");
    return Box.ofCorner(bbox[0] / width, bbox[1] / height, bbox[2] / width, bbox[3] / height);
  }
}
