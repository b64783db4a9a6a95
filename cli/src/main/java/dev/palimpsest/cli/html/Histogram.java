package dev.palimpsest.cli.html;

import dev.palimpsest.files.Escape;
import java.util.Arrays;

/**
 * A histogram with bins of equal width.
 *
 * @param from lower end of the first bin
 * @param width of a bin
 * @param counts one per bin
 */
public record Histogram(double from, double width, long[] counts) {
  private static final int MOST_BINS = 24;
  private static final int CHART_WIDTH = 420;
  private static final int CHART_HEIGHT = 150;
  private static final int LEFT = 38;
  private static final int TOP = 16;
  private static final int BOTTOM = 34;

  /**
   * Creates bins of a round width that start at whole numbers.
   *
   * @param values at least one
   */
  public static Histogram of(int[] values) {
    int low = Arrays.stream(values).min().orElse(0);
    int high = Arrays.stream(values).max().orElse(0);
    double width = 1;
    while ((high - low + 1) / width > MOST_BINS) {
      width = next(width);
    }
    double from = Math.floor(low / width) * width;
    long[] counts = new long[(int) ((high - from) / width) + 1];
    for (int value : values) {
      counts[(int) ((value - from) / width)]++;
    }
    return new Histogram(from, width, counts);
  }

  /** 1, 2, 5, 10, 20, ... */
  private static double next(double width) {
    double decade = Math.pow(10, Math.floor(Math.log10(width)));
    double lead = Math.rint(width / decade);
    return lead < 2 ? 2 * decade : lead < 5 ? 5 * decade : 10 * decade;
  }

  /**
   * Renders it as a drawing with axes.
   *
   * @param what a description of the numbers, for the axis and as an alternative text
   * @param limit a number to mark, below which numbers should be; NaN for none
   * @param limitLabel the label of the limit
   * @param overIsBad whether bins above the limit are marked
   */
  public String svg(String what, double limit, String limitLabel, boolean overIsBad) {
    long most = Math.max(1, Arrays.stream(counts).max().orElse(1));
    double low = from;
    double high = from + width * counts.length;
    if (!Double.isNaN(limit)) {
      low = Math.min(low, limit);
      high = Math.max(high, limit + width / 2);
    }
    double scale = (CHART_WIDTH - LEFT - 10) / (high - low);
    int floor = CHART_HEIGHT - BOTTOM;
    StringBuilder svg = new StringBuilder();
    svg.append(
        Html.format(
            "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">%n",
            CHART_WIDTH, CHART_HEIGHT, Escape.html(describe(what))));
    for (double share : new double[] {0, 0.5, 1}) {
      double y = floor - share * (floor - TOP);
      svg.append(
          Html.format(
              "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                  + "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n",
              LEFT,
              CHART_WIDTH - 10,
              y,
              y,
              LEFT - 5,
              y + 4,
              tick((double) Math.round(share * most))));
    }
    for (int bin = 0; bin < counts.length; bin++) {
      if (counts[bin] == 0) {
        continue;
      }
      double height = (double) counts[bin] / most * (floor - TOP);
      double left = LEFT + (from + bin * width - low) * scale;
      boolean over = overIsBad && !Double.isNaN(limit) && from + bin * width >= limit;
      svg.append(
          Html.format(
              "<rect class=\"bar%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" rx=\"1\">"
                  + "<title>%s: %s</title></rect>%n",
              over ? " over" : "",
              left + 0.5,
              floor - Math.max(1, height),
              Math.max(3, width * scale - 1),
              Math.max(1, height),
              bin(bin),
              Html.count(counts[bin])));
    }
    double step = width;
    while ((high - low) / step > 7) {
      step = next(step);
    }
    for (double at = Math.ceil(low / step) * step; at <= high; at += step) {
      svg.append(
          Html.format(
              "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
              LEFT + (at - low + (width == 1 ? 0.5 : 0)) * scale, floor + 14, tick(at)));
    }
    svg.append(
        Html.format(
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>%n",
            CHART_WIDTH - 10, CHART_HEIGHT - 5, Escape.html(what)));
    if (!Double.isNaN(limit)) {
      double x = LEFT + (limit - low) * scale;
      boolean right = x > CHART_WIDTH * 0.6;
      svg.append(
          Html.format(
              "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text"
                  + " class=\"limit-label\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>%n",
              x,
              x,
              4,
              floor,
              right ? x - 5 : x + 5,
              12,
              right ? "end" : "start",
              Escape.html(limitLabel)));
    }
    return svg.append("</svg>\n").toString();
  }

  private String bin(int bin) {
    double low = from + bin * width;
    return width == 1 ? tick(low) : tick(low) + " to " + tick(low + width - 1);
  }

  private static String tick(double value) {
    return value >= 10_000 ? Html.format("%.0fk", value / 1000) : Html.format("%.0f", value);
  }

  private String describe(String what) {
    int top = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      top = counts[bin] > counts[top] ? bin : top;
    }
    return "Histogram of %s, from %s to %s; most often %s"
        .formatted(what, tick(from), tick(from + width * counts.length - 1), bin(top));
  }
}
