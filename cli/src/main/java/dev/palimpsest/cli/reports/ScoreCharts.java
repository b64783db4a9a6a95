package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Published;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A suite's scores over the stages: a small chart for each task and metric, and a table. */
final class ScoreCharts {
  private static final int WIDTH = 300;
  private static final int HEIGHT = 150;
  private static final int LEFT = 40;
  private static final int RIGHT = 14;
  private static final int TOP = 12;
  private static final int BOTTOM = 26;

  /**
   * A score at a moment.
   *
   * @param moment as shown: {@code stage1}, or {@code stage1 before}
   * @param low lower end of the interval; equal to the value if there is none
   * @param paper the paper's value in the metric's units, if it has one
   */
  record At(String moment, double value, double low, double high, @Nullable Double paper) {}

  private ScoreCharts() {}

  static String of(RunData run, String suite) {
    Map<String, List<At>> rows = new LinkedHashMap<>();
    List<String> moments = new ArrayList<>();
    for (StageData stage : run.stages()) {
      stage
          .scores()
          .forEach(
              (moment, suites) -> {
                SuiteResult result = suites.get(suite);
                if (result != null) {
                  String name = name(stage, moment);
                  moments.add(name);
                  result
                      .tasks()
                      .forEach(
                          (task, scored) ->
                              add(rows, task, scored, name, stage.config().resolution()));
                }
              });
    }
    StringBuilder out = new StringBuilder();
    out.append(Html.format("<h3 class=\"suite\">%s</h3>%n", Escape.html(suite)));
    out.append("<div class=\"charts\">\n");
    rows.forEach((what, values) -> out.append(chart(what, values, moments, true)));
    out.append("</div>\n<details><summary>As a table</summary>");
    table(out, suite, rows, moments);
    return out.append("</details>\n").toString();
  }

  private static String name(StageData stage, String moment) {
    return stage.config().name()
        + switch (moment) {
          case "after" -> "";
          case "before" -> " before";
          default -> " " + moment.replaceFirst("^at-0*", "at ");
        };
  }

  private static void add(
      Map<String, List<At>> rows, String task, TaskResult scored, String moment, int resolution) {
    boolean first = true;
    for (MetricScore score : scored.metrics()) {
      if (score.value() != null) {
        double value = score.value();
        rows.computeIfAbsent(task + ", " + score.metric().key(), key -> new ArrayList<>())
            .add(
                new At(
                    moment,
                    value,
                    score.low() == null ? value : score.low(),
                    score.high() == null ? value : score.high(),
                    first ? paper(scored, score, resolution) : null));
      }
      first = false;
    }
    if (scored.exactMatch().n() > 0) {
      double value = scored.exactMatch().value();
      double half = 1.96 * scored.exactMatch().standardError();
      rows.computeIfAbsent(task + ", exact match", key -> new ArrayList<>())
          .add(new At(moment, value, Math.max(0, value - half), Math.min(1, value + half), null));
    }
  }

  /** The paper's units are 100 times the metric's. */
  private static @Nullable Double paper(TaskResult scored, MetricScore score, int resolution) {
    String benchmark = scored.benchmark();
    if (benchmark == null || !Benchmarks.index().benchmarks().contains(benchmark)) {
      return null;
    }
    for (Published published : Benchmarks.find(benchmark).published()) {
      Double value = published.at(resolution);
      if (value != null
          && published.split() == null
          && (published.quantity() == null || published.quantity().equals(score.quantity()))) {
        return value / 100;
      }
    }
    return null;
  }

  // ---- A chart

  /**
   * A small chart with intervals.
   *
   * @param overTime whether a line leads from value to value, and the last one stands above
   */
  static String chart(String what, List<At> values, List<String> moments, boolean overTime) {
    double high = 1e-9;
    double low = 0;
    for (At at : values) {
      high = Math.max(high, Math.max(at.high(), at.paper() == null ? 0 : at.paper()));
      low = Math.min(low, at.low());
    }
    double top = high < 1e-6 ? 1 : ceiling(high);
    double bottom = low < 0 ? -ceiling(-low) : 0;
    double scale = (HEIGHT - TOP - BOTTOM) / (top - bottom);
    double floor = HEIGHT - BOTTOM;
    double step = (double) (WIDTH - LEFT - RIGHT) / Math.max(1, moments.size());
    At last = values.get(values.size() - 1);
    StringBuilder svg = new StringBuilder();
    svg.append(
        Html.format(
            "<figure class=\"card score\"><figcaption>%s<b>%s</b></figcaption><svg class=\"chart\""
                + " viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s: %s\">%n",
            Escape.html(what),
            overTime ? number(last.value()) : "",
            WIDTH,
            HEIGHT,
            Escape.html(what),
            Escape.html(describe(values))));
    for (int tick = 0; tick <= 2; tick++) {
      double at = bottom + (top - bottom) * tick / 2;
      double y = floor - (at - bottom) * scale;
      svg.append(
          Html.format(
              "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\""
                  + " y=\"%.1f\" text-anchor=\"end\">%s</text>%n",
              LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, tick(at)));
    }
    StringBuilder path = new StringBuilder();
    StringBuilder marks = new StringBuilder();
    for (At at : values) {
      double x = LEFT + step * (moments.indexOf(at.moment()) + 0.5);
      double y = floor - (at.value() - bottom) * scale;
      path.append(Html.format("%s%.1f %.1f", path.length() == 0 ? "M" : " L", x, y));
      if (at.paper() != null) {
        double paper = floor - (at.paper() - bottom) * scale;
        marks.append(
            Html.format(
                "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"><title>paper"
                    + " %s</title></line>%n",
                x - step / 2, x + step / 2, paper, paper, number(at.paper())));
      }
      marks.append(
          Html.format(
              "<line class=\"whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><circle"
                  + " cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%s: %s (%s to %s)</title></circle>%n",
              x,
              x,
              floor - (at.low() - bottom) * scale,
              floor - (at.high() - bottom) * scale,
              x,
              y,
              Escape.html(at.moment()),
              number(at.value()),
              number(at.low()),
              number(at.high())));
    }
    if (overTime) {
      svg.append(Html.format("<path class=\"trend\" d=\"%s\"/>%n", path));
    }
    svg.append(marks);
    boolean all = moments.stream().allMatch(moment -> moment.length() <= step / 6);
    for (int i = 0; i < moments.size(); i++) {
      boolean first = i == 0;
      if (all || first || i == moments.size() - 1) {
        svg.append(
            Html.format(
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>%n",
                all ? LEFT + step * (i + 0.5) : first ? LEFT : WIDTH - RIGHT,
                HEIGHT - 8,
                all ? "middle" : first ? "start" : "end",
                Escape.html(fitting(moments.get(i), all ? moments.get(i).length() : 20))));
      }
    }
    return svg.append("</svg></figure>\n").toString();
  }

  private static String fitting(String text, int characters) {
    return text.length() <= characters
        ? text
        : text.substring(0, Math.max(1, characters - 1)) + "…";
  }

  /** The next of 1, 2, 2.5, 5 times a power of ten that leaves room above. */
  static double ceiling(double value) {
    double decade = Math.pow(10, Math.floor(Math.log10(value)));
    for (double lead : new double[] {1, 2, 2.5, 5, 10}) {
      if (lead * decade >= value * 1.0001 || lead == 10) {
        return lead * decade;
      }
    }
    return value;
  }

  private static String tick(double value) {
    return value >= 10
        ? Html.format("%.0f", value)
        : Html.format("%.3f", value).replaceAll("0+$", "").replaceAll("\\.$", "");
  }

  private static String number(double value) {
    return Html.format(Math.abs(value) >= 10 ? "%.1f" : "%.3f", value);
  }

  private static String describe(List<At> values) {
    List<String> words = new ArrayList<>();
    values.forEach(at -> words.add(at.moment() + " " + number(at.value())));
    return String.join(", ", words);
  }

  // ---- The table

  private static void table(
      StringBuilder out, String suite, Map<String, List<At>> rows, List<String> moments) {
    out.append(
        Html.format(
            "<div class=\"card\"><div class=\"scroll\" tabindex=\"0\" role=\"region\""
                + " aria-label=\"Scores of %s\"><table><thead><tr><th scope=\"col\">task, metric</th>",
            Escape.html(suite)));
    moments.forEach(
        moment -> out.append("<th scope=\"col\">").append(Escape.html(moment)).append("</th>"));
    out.append("<th scope=\"col\">paper</th></tr></thead>\n<tbody>\n");
    rows.forEach(
        (what, values) -> {
          out.append("<tr><th scope=\"row\">").append(Escape.html(what)).append("</th>");
          for (String moment : moments) {
            At found =
                values.stream().filter(at -> at.moment().equals(moment)).findFirst().orElse(null);
            out.append("<td>")
                .append(
                    found == null
                        ? "-"
                        : Html.format(
                            "%s <small>%s to %s</small>",
                            number(found.value()), number(found.low()), number(found.high())))
                .append("</td>");
          }
          Double paper = values.get(values.size() - 1).paper();
          out.append("<td>").append(paper == null ? "-" : number(paper)).append("</td></tr>\n");
        });
    out.append("</tbody></table></div></div>\n");
  }
}
