package dev.palimpsest.cli.ablation;

import dev.palimpsest.cli.ablation.AblationTable.Tested;
import dev.palimpsest.cli.ablation.AblationTable.Variant;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.configs.AblationConfig;
import dev.palimpsest.files.Escape;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code report.html} of an ablation: one file, for any browser. */
final class AblationPage {
  private static final int WIDTH = 640;
  private static final int LEFT = 180;
  private static final int ROW = 34;

  private final AblationTable table;

  private AblationPage(AblationTable table) {
    this.table = table;
  }

  static String of(AblationTable table) {
    return new AblationPage(table).page();
  }

  private String page() {
    AblationConfig config = table.ablation().config();
    StringBuilder body = new StringBuilder();
    body.append(
        "<header class=\"top\"><h1>%s</h1>".formatted(Escape.html("Ablation " + config.name())));
    if (!config.question().isEmpty()) {
      body.append("<p class=\"lead\">%s</p>".formatted(Escape.html(config.question())));
    }
    body.append(
        "<p class=\"lead\">%s scale, %s; %s. Bars are means over seeds, dots are runs.</p></header>%n<main>"
            .formatted(
                Escape.html(table.ablation().scaleName()),
                Escape.html(table.ablation().scale().recipe().replaceFirst(".*/", "")),
                Escape.html(table.metric())));
    body.append(
        "<section class=\"card\"><h2>Values</h2><div class=\"scroll\">%s</div></section>%n"
            .formatted(chart()));
    body.append("<section class=\"card\"><h2>Table</h2>%s</section>%n".formatted(values()));
    body.append("<section class=\"card\"><h2>Expected</h2>");
    if (!config.outcome().isEmpty()) {
      body.append(
          "<p>%s%s</p>"
              .formatted(
                  config.source().isEmpty() ? "" : Escape.html(config.source()) + ": ",
                  Escape.html(config.outcome())));
    }
    body.append("<ul>");
    table
        .verdicts()
        .forEach(verdict -> body.append("<li>%s</li>".formatted(Escape.html(verdict.words()))));
    body.append("</ul></section>\n");
    if (!table.failed().isEmpty()) {
      body.append("<section class=\"card\"><h2>Failed</h2><ul>");
      table.failed().forEach(why -> body.append("<li>%s</li>".formatted(Escape.html(why))));
      body.append("</ul></section>\n");
    }
    body.append("<section class=\"card\"><h2>Variants</h2><dl class=\"variants\">");
    config
        .variants()
        .forEach(
            (name, sets) ->
                body.append(
                    "<dt>%s</dt><dd>%s</dd>".formatted(Escape.html(name), described(name, sets))));
    body.append("</dl></section></main>\n");
    return Html.page("Ablation " + config.name(), body.toString());
  }

  private String described(String name, List<String> sets) {
    List<String> own = table.ablation().scale().variants().getOrDefault(name, List.of());
    if (sets.isEmpty() && own.isEmpty()) {
      return "the recipe as it is";
    }
    StringBuilder text = new StringBuilder();
    sets.forEach(set -> text.append("<code>%s</code> ".formatted(Escape.html(set))));
    own.forEach(set -> text.append("<code>%s</code> ".formatted(Escape.html(set))));
    return text.toString();
  }

  private String values() {
    StringBuilder html =
        new StringBuilder(
            "<div class=\"scroll\"><table><thead><tr><th>variant</th><th>seeds</th><th>mean</th>"
                + "<th>deviation</th><th>difference</th><th>±</th><th>p</th><th>over</th></tr>"
                + "</thead><tbody>");
    for (Variant variant : table.variants()) {
      Tested tested = variant.difference();
      html.append(
          "<tr><th>%s</th><td>%d</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>"
              .formatted(
                  Escape.html(variant.name()),
                  variant.values().size(),
                  AblationTable.number(variant.mean(), false),
                  AblationTable.number(variant.deviation(), false),
                  tested == null ? "" : AblationTable.number(tested.paired().difference(), true),
                  tested == null
                      ? ""
                      : AblationTable.number(tested.paired().standardError(), false),
                  tested == null ? "" : Escape.html(AblationTable.p(tested.paired().p())),
                  tested == null ? "" : tested.by().words));
    }
    return html.append("</tbody></table></div>").toString();
  }

  /** Means and runs on one axis. */
  private String chart() {
    double low = Double.MAX_VALUE;
    double high = -Double.MAX_VALUE;
    for (Variant variant : table.variants()) {
      for (Measured measured : variant.values().values()) {
        low = Math.min(low, measured.value());
        high = Math.max(high, measured.value());
      }
    }
    if (table.variants().isEmpty()) {
      return "<p>No run has ended.</p>";
    }
    double margin = Math.max((high - low) * 0.1, 1e-6);
    double from = low - margin;
    double to = high + margin;
    int height = ROW * table.variants().size() + 30;
    StringBuilder svg =
        new StringBuilder(
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\" style=\"width:100%%;min-width:460px;max-width:%dpx;fill:currentColor;font:13px sans-serif\">"
                .formatted(WIDTH, height, Escape.html(table.metric()), WIDTH));
    int y = ROW / 2;
    for (Variant variant : table.variants()) {
      svg.append("<text x=\"0\" y=\"%d\">%s</text>".formatted(y + 4, Escape.html(variant.name())));
      svg.append(
          "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"currentColor\" stroke-opacity=\"0.2\"/>"
              .formatted(LEFT, WIDTH, y, y));
      svg.append(
          "<rect x=\"%s\" y=\"%d\" width=\"4\" height=\"20\"/>"
              .formatted(x(variant.mean(), from, to, -2), y - 10));
      for (Map.Entry<Long, Measured> one : variant.values().entrySet()) {
        svg.append(
            "<circle cx=\"%s\" cy=\"%d\" r=\"5\" fill-opacity=\"0.45\"><title>seed %d: %s</title></circle>"
                .formatted(
                    x(one.getValue().value(), from, to, 0),
                    y,
                    one.getKey(),
                    AblationTable.number(one.getValue().value(), false)));
      }
      y += ROW;
    }
    for (int i = 0; i <= 4; i++) {
      double at = from + (to - from) * i / 4;
      svg.append(
          "<text x=\"%s\" y=\"%d\" text-anchor=\"%s\" fill-opacity=\"0.7\">%s</text>"
              .formatted(
                  x(at, from, to, 0),
                  height - 6,
                  i == 4 ? "end" : i == 0 ? "start" : "middle",
                  String.format(Locale.ROOT, "%.3g", at)));
    }
    return svg.append("</svg>").toString();
  }

  private static String x(double value, double from, double to, double shift) {
    double at = LEFT + 8 + (WIDTH - LEFT - 16) * (value - from) / (to - from) + shift;
    return String.format(Locale.ROOT, "%.1f", at);
  }
}
