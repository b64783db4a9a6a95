package dev.palimpsest.eval.metrics.boxes;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;

/**
 * Average precision of boxes with the semantics of pycocotools (cocoeval.py): IoU .50:.05:.95, 101
 * recall points, at most 1, 10 or 100 detections per image, four ranges of area, crowds.
 */
public final class CocoMap {
  private static final int IOUS = 10;
  private static final int RECALLS = 101;
  private static final int[] MOST = {1, 10, 100};

  /**
   * All, small, medium, large; both ends are included. A true box is classified by its annotated
   * area.
   */
  private static final double[][] AREAS = {{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}};

  private static final double EPSILON = Math.ulp(1.0);

  /**
   * A true box.
   *
   * @param id a box with id 0 never counts as found, as in the original
   * @param box x, y, width, height
   * @param area as annotated: of the object, not of the box
   * @param crowd whether it marks a crowd, which any number of detections may match
   */
  public record Truth(long id, int category, double[] box, double area, boolean crowd) {}

  /** A detection: x, y, width, height, and the detector's confidence. */
  public record Detection(int category, double[] box, double score) {}

  /** One image with its true boxes and detections. */
  public record Image(List<Truth> truths, List<Detection> detections) {}

  /**
   * The result for one image, category and range of area; detections in descending order of score.
   */
  private record Matched(
      double[] scores, boolean[][] found, boolean[][] ignored, int countedTruths) {}

  private final List<Integer> categories;
  private final int images;

  /** By category, area and image; null if there are neither true boxes nor detections. */
  private final Matched[][][] matched;

  /**
   * @param images in ascending order of their ids: ties in score are broken by that order
   * @param categories ascending; those without true boxes are undefined and left out of means
   */
  public CocoMap(List<Image> images, List<Integer> categories) {
    this.categories = List.copyOf(categories);
    this.images = images.size();
    this.matched = new Matched[categories.size()][AREAS.length][images.size()];
    for (int k = 0; k < categories.size(); k++) {
      int category = categories.get(k);
      for (int i = 0; i < images.size(); i++) {
        List<Truth> truths =
            images.get(i).truths().stream().filter(t -> t.category() == category).toList();
        List<Detection> detections =
            images.get(i).detections().stream()
                .filter(d -> d.category() == category)
                .sorted(Comparator.comparingDouble(d -> -d.score()))
                .limit(MOST[MOST.length - 1])
                .toList();
        if (!truths.isEmpty() || !detections.isEmpty()) {
          for (int a = 0; a < AREAS.length; a++) {
            matched[k][a][i] = match(truths, detections, AREAS[a]);
          }
        }
      }
    }
  }

  /** The categories of all true boxes and detections, ascending. */
  static List<Integer> categories(List<Image> images) {
    TreeSet<Integer> categories = new TreeSet<>();
    for (Image image : images) {
      image.truths().forEach(t -> categories.add(t.category()));
      image.detections().forEach(d -> categories.add(d.category()));
    }
    return List.copyOf(categories);
  }

  /** The twelve numbers that COCO prints, -1 where undefined. */
  Map<String, Double> summary() {
    int[] all = IntStream.range(0, images).toArray();
    Curves[] byArea = new Curves[AREAS.length];
    for (int a = 0; a < AREAS.length; a++) {
      byArea[a] = new Curves(a, 2, all);
    }
    Map<String, Double> stats = new LinkedHashMap<>();
    stats.put("AP", byArea[0].meanPrecision(t -> true));
    stats.put("AP50", byArea[0].meanPrecision(t -> t == 0.5));
    stats.put("AP75", byArea[0].meanPrecision(t -> Math.abs(t - 0.75) < 1e-9));
    stats.put("AP_small", byArea[1].meanPrecision(t -> true));
    stats.put("AP_medium", byArea[2].meanPrecision(t -> true));
    stats.put("AP_large", byArea[3].meanPrecision(t -> true));
    stats.put("AR_1", new Curves(0, 0, all).meanRecall());
    stats.put("AR_10", new Curves(0, 1, all).meanRecall());
    stats.put("AR_100", byArea[0].meanRecall());
    stats.put("AR_small", byArea[1].meanRecall());
    stats.put("AR_medium", byArea[2].meanRecall());
    stats.put("AR_large", byArea[3].meanRecall());
    return stats;
  }

  /** AP of a resample of images. */
  double averagePrecision(int[] drawn) {
    return new Curves(0, 2, drawn).meanPrecision(t -> true);
  }

  /** Curves over all areas and 100 detections. */
  public Curves curves() {
    return new Curves(0, 2, IntStream.range(0, images).toArray());
  }

  /** Precision at 101 recalls and final recall, by category and IoU. */
  public final class Curves {
    /** [category][iou][recall], -1 if the category has no true boxes. */
    public final double[][][] precision;

    /** [category][iou], -1 if the category has no true boxes. */
    public final double[][] recall;

    private Curves(int area, int most, int[] drawn) {
      precision = new double[categories.size()][IOUS][RECALLS];
      recall = new double[categories.size()][IOUS];
      for (int k = 0; k < categories.size(); k++) {
        accumulate(k, area, MOST[most], drawn);
      }
    }

    private void accumulate(int k, int area, int most, int[] drawn) {
      List<Matched> parts = new ArrayList<>();
      int truths = 0;
      int detections = 0;
      for (int i : drawn) {
        Matched part = matched[k][area][i];
        if (part != null) {
          parts.add(part);
          truths += part.countedTruths;
          detections += Math.min(most, part.scores.length);
        }
      }
      if (truths == 0) {
        Arrays.fill(recall[k], -1);
        for (double[] row : precision[k]) {
          Arrays.fill(row, -1);
        }
        return;
      }
      Matched[] owner = new Matched[detections];
      int[] place = new int[detections];
      int n = 0;
      for (Matched part : parts) {
        for (int d = 0; d < Math.min(most, part.scores.length); d++) {
          owner[n] = part;
          place[n++] = d;
        }
      }
      Integer[] order = new Integer[detections];
      for (int d = 0; d < detections; d++) {
        order[d] = d;
      }
      // Stable: equal scores keep the order of images.
      Arrays.sort(order, Comparator.comparingDouble(d -> -owner[d].scores[place[d]]));
      for (int t = 0; t < IOUS; t++) {
        curve(k, t, order, owner, place, truths);
      }
    }

    private void curve(int k, int t, Integer[] order, Matched[] owner, int[] place, int truths) {
      double[] recalls = new double[order.length];
      double[] precisions = new double[order.length];
      double right = 0;
      double wrong = 0;
      for (int i = 0; i < order.length; i++) {
        int d = order[i];
        if (!owner[d].ignored[t][place[d]]) {
          if (owner[d].found[t][place[d]]) {
            right++;
          } else {
            wrong++;
          }
        }
        recalls[i] = right / truths;
        precisions[i] = right / (wrong + right + EPSILON);
      }
      for (int i = order.length - 2; i >= 0; i--) {
        precisions[i] = Math.max(precisions[i], precisions[i + 1]);
      }
      recall[k][t] = order.length == 0 ? 0 : recalls[order.length - 1];
      int i = 0;
      for (int r = 0; r < RECALLS; r++) {
        while (i < order.length && recalls[i] < recallThreshold(r)) {
          i++;
        }
        precision[k][t][r] = i < order.length ? precisions[i] : 0;
      }
    }

    /** The mean over categories that have true boxes; -1 if there are none. */
    public double meanPrecision(DoublePredicate ious) {
      return meanOver(IntStream.range(0, categories.size()).toArray(), ious);
    }

    /** AP of one category by its index. */
    public double meanPrecision(int category, DoublePredicate ious) {
      return meanOver(new int[] {category}, ious);
    }

    private double meanOver(int[] ks, DoublePredicate ious) {
      double sum = 0;
      int count = 0;
      for (int k : ks) {
        for (int t = 0; t < IOUS; t++) {
          if (precision[k][t][0] >= 0 && ious.test(iouThreshold(t))) {
            for (double value : precision[k][t]) {
              sum += value;
              count++;
            }
          }
        }
      }
      return count == 0 ? -1 : sum / count;
    }

    double meanRecall() {
      double sum = 0;
      int count = 0;
      for (double[] row : recall) {
        for (double value : row) {
          if (value >= 0) {
            sum += value;
            count++;
          }
        }
      }
      return count == 0 ? -1 : sum / count;
    }
  }

  /** numpy.linspace(0.5, 0.95, 10). */
  private static double iouThreshold(int t) {
    return t == IOUS - 1 ? 0.95 : t * ((0.95 - 0.5) / (IOUS - 1)) + 0.5;
  }

  /** numpy.linspace(0, 1, 101). */
  private static double recallThreshold(int r) {
    return r == RECALLS - 1 ? 1 : r * (1.0 / (RECALLS - 1));
  }

  private static Matched match(List<Truth> unsorted, List<Detection> detections, double[] range) {
    // True boxes outside the range and crowds come last: they neither count nor do harm.
    List<Truth> truths = new ArrayList<>(unsorted);
    truths.sort(Comparator.comparing(t -> isIgnored(t, range)));
    boolean[] ignoredTruth = new boolean[truths.size()];
    int counted = 0;
    for (int g = 0; g < ignoredTruth.length; g++) {
      ignoredTruth[g] = isIgnored(truths.get(g), range);
      counted += ignoredTruth[g] ? 0 : 1;
    }
    double[][] ious = new double[detections.size()][truths.size()];
    for (int d = 0; d < ious.length; d++) {
      for (int g = 0; g < truths.size(); g++) {
        Truth truth = truths.get(g);
        ious[d][g] = iou(detections.get(d).box(), truth.box(), truth.crowd());
      }
    }
    boolean[][] found = new boolean[IOUS][detections.size()];
    boolean[][] ignored = new boolean[IOUS][detections.size()];
    for (int t = 0; t < IOUS; t++) {
      boolean[] taken = new boolean[truths.size()];
      for (int d = 0; d < detections.size(); d++) {
        int best = best(ious[d], iouThreshold(t), truths, ignoredTruth, taken);
        if (best >= 0) {
          taken[best] = true;
          ignored[t][d] = ignoredTruth[best];
          // The original stores ids as matches, so that id 0 means no match.
          found[t][d] = truths.get(best).id() != 0;
        }
        double[] box = detections.get(d).box();
        double area = box[2] * box[3];
        ignored[t][d] |= !found[t][d] && (area < range[0] || area > range[1]);
      }
    }
    double[] scores = detections.stream().mapToDouble(Detection::score).toArray();
    return new Matched(scores, found, ignored, counted);
  }

  /** The unmatched true box with the largest IoU, the later one of equals; -1 if there is none. */
  private static int best(
      double[] ious,
      double threshold,
      List<Truth> truths,
      boolean[] ignoredTruth,
      boolean[] taken) {
    double best = Math.min(threshold, 1 - 1e-10);
    int match = -1;
    for (int g = 0; g < ious.length; g++) {
      if (taken[g] && !truths.get(g).crowd()) {
        continue;
      }
      if (match >= 0 && !ignoredTruth[match] && ignoredTruth[g]) {
        break;
      }
      if (ious[g] >= best) {
        best = ious[g];
        match = g;
      }
    }
    return match;
  }

  private static boolean isIgnored(Truth truth, double[] range) {
    return truth.crowd() || truth.area() < range[0] || truth.area() > range[1];
  }

  /**
   * IoU of boxes x, y, width, height; for a crowd, the fraction of the detection that lies inside
   * it.
   */
  public static double iou(double[] detection, double[] truth, boolean crowd) {
    double width =
        Math.min(detection[0] + detection[2], truth[0] + truth[2])
            - Math.max(detection[0], truth[0]);
    double height =
        Math.min(detection[1] + detection[3], truth[1] + truth[3])
            - Math.max(detection[1], truth[1]);
    if (width <= 0 || height <= 0) {
      return 0;
    }
    double intersection = width * height;
    double area = detection[2] * detection[3];
    double union = crowd ? area : area + truth[2] * truth[3] - intersection;
    return intersection / union;
  }
}
