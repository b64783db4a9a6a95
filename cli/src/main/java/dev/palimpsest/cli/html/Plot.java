package dev.palimpsest.cli.html;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * Lines over examples, as data that {@code report.js} draws. Longer lines are averaged over equal
 * parts of the axis.
 */
public final class Plot {
  private static final int MOST_POINTS = 1500;

  private final String title;
  private final String unit;
  private final Axis axis;
  private final List<Line> lines = new ArrayList<>();
  private final List<Bound> bounds = new ArrayList<>();

  /**
   * A plot without lines.
   *
   * @param unit of the values, for the axis
   */
  public Plot(String title, String unit, Axis axis) {
    this.title = title;
    this.unit = unit;
    this.axis = axis;
  }

  /** The axis of the values. */
  public enum Axis {
    /** Around the values. */
    FITTED,
    /** From zero. */
    FROM_ZERO,
    /** Logarithmic; values that are not positive are gaps. */
    LOGARITHMIC
  }

  /** How a line is drawn. */
  public enum Style {
    /** The line that matters. */
    STRONG,
    /** One of several. */
    PLAIN,
    /** Behind another. */
    FAINT
  }

  /**
   * Values over examples; a gap where a value is not a number.
   *
   * @param colour number of its colour; lines of the same number have the same one
   */
  record Line(String label, Style style, int colour, List<double[]> points) {}

  private record Bound(double at, String label) {}

  public void add(String label, Style style, int colour, List<double[]> points) {
    if (points.stream().anyMatch(point -> Double.isFinite(point[1]))) {
      lines.add(new Line(label, style, colour, points));
    }
  }

  /** Marks where a stage begins. */
  public void bound(double at, String label) {
    bounds.add(new Bound(at, label));
  }

  public boolean isEmpty() {
    return lines.isEmpty();
  }

  /** A figure with the data; a script draws it. */
  public String html() {
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("unit", unit);
    json.put("fromZero", axis == Axis.FROM_ZERO);
    json.put("log", axis == Axis.LOGARITHMIC);
    ArrayNode all = json.putArray("lines");
    for (Line line : lines) {
      ObjectNode node = all.addObject();
      node.put("label", line.label());
      node.put("style", line.style().name().toLowerCase(java.util.Locale.ROOT));
      node.put("colour", line.colour());
      ArrayNode x = node.putArray("x");
      ArrayNode y = node.putArray("y");
      for (double[] point : thinned(line.points())) {
        x.add(point[0]);
        if (Double.isFinite(point[1]) && (axis != Axis.LOGARITHMIC || point[1] > 0)) {
          y.add(Float.parseFloat(Html.format("%.5g", point[1])));
        } else {
          y.addNull();
        }
      }
    }
    ArrayNode marks = json.putArray("bounds");
    bounds.forEach(bound -> marks.addObject().put("at", bound.at()).put("label", bound.label()));
    return Html.format(
        "<figure class=\"card plot\"><figcaption>%s</figcaption><div class=\"canvas\""
            + " role=\"img\" aria-label=\"%s\"></div><script"
            + " type=\"application/json\">%s</script></figure>%n",
        Escape.html(title), Escape.html(describe()), Html.inScript(json.toString()));
  }

  private String describe() {
    StringBuilder text = new StringBuilder("Plot of " + title);
    for (Line line : lines) {
      if (line.style() != Style.FAINT) {
        List<double[]> points =
            line.points().stream().filter(point -> Double.isFinite(point[1])).toList();
        text.append(
            Html.format(
                "; %s from %.3g to %.3g",
                line.label(), points.get(0)[1], points.get(points.size() - 1)[1]));
      }
    }
    return text.toString();
  }

  /** Means over equal parts of the axis, if there are too many points. */
  static List<double[]> thinned(List<double[]> points) {
    if (points.size() <= MOST_POINTS) {
      return points;
    }
    List<double[]> thin = new ArrayList<>();
    for (int part = 0; part < MOST_POINTS; part++) {
      int from = (int) ((long) points.size() * part / MOST_POINTS);
      int to = (int) ((long) points.size() * (part + 1) / MOST_POINTS);
      double x = 0;
      double y = 0;
      int n = 0;
      for (double[] point : points.subList(from, to)) {
        if (Double.isFinite(point[1])) {
          x += point[0];
          y += point[1];
          n++;
        }
      }
      thin.add(
          n == 0 ? new double[] {points.get(from)[0], Double.NaN} : new double[] {x / n, y / n});
    }
    return thin;
  }

  /**
   * An exponential mean over about a fiftieth of the points, without the bias towards its
   * beginning.
   */
  public static List<double[]> smoothed(List<double[]> points) {
    double keep = 1 - 1 / Math.max(3, points.size() / 50.0);
    List<double[]> smooth = new ArrayList<>(points.size());
    double sum = 0;
    double weight = 0;
    for (double[] point : points) {
      if (Double.isFinite(point[1])) {
        sum = keep * sum + (1 - keep) * point[1];
        weight = keep * weight + (1 - keep);
      }
      smooth.add(new double[] {point[0], weight == 0 ? Double.NaN : sum / weight});
    }
    return smooth;
  }
}
