package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.goodput.Goodput;
import dev.palimpsest.stages.goodput.Goodput.Use;

/** What a run's time was spent on, as parts of a bar with a legend. */
final class TimeBar {
  private static final int[] HUES = {215, 185, 48, 150, 95, 285, 25, 345};

  private TimeBar() {}

  static String of(Goodput goodput) {
    StringBuilder parts = new StringBuilder();
    StringBuilder legend = new StringBuilder();
    double from = 0;
    int parted = 0;
    for (Use use : Use.values()) {
      double share = goodput.seconds().getOrDefault(use, 0.0) / goodput.wall();
      if (share <= 0) {
        continue;
      }
      int hue = HUES[parted++ % HUES.length];
      String words =
          Html.format(
              "%s, %s, %s",
              use.words(), Html.percent(share), RunPage.duration(share * goodput.wall()));
      parts.append(
          Html.format(
              "<rect class=\"bar\" style=\"--hue:%d\" x=\"%.3f\" width=\"%.3f\""
                  + " height=\"26\"><title>%s</title></rect>%n",
              hue, 1000 * from, 1000 * share, Escape.html(words)));
      legend.append(
          Html.format(
              "<li><span class=\"dot\" style=\"--hue:%d\"></span>%s</li>%n",
              hue, Escape.html(words)));
      from += share;
    }
    return Html.format(
        "<div class=\"card\"><svg class=\"chart spent\" viewBox=\"0 0 1000 26\""
            + " preserveAspectRatio=\"none\" role=\"img\" aria-label=\"What the time was spent on\">"
            + "%s</svg><ul class=\"legend\">%s</ul></div>%n",
        parts, legend);
  }
}
