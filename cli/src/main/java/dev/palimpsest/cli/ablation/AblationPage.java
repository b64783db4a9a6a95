package dev.palimpsest.cli.ablation;

import dev.palimpsest.cli.ablation.AblationTable.TaskValue;
import dev.palimpsest.cli.ablation.AblationTable.Tested;
import dev.palimpsest.cli.ablation.AblationTable.Variant;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.configs.AblationConfig;
import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code report.html} of an ablation: one file, for any browser. */
final class AblationPage {
  private static final int TICKS = 5;

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
    body.append("<section class=\"card\"><h2>Values</h2>%s</section>%n".formatted(chart()));
    List<List<String>> rows = table.rows();
    body.append(
        "<section><h2>Table</h2>%s</section>%n"
            .formatted(Html.table("Table", rows.get(0), rows.subList(1, rows.size()))));
    body.append(byTask());
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
    if (!table.ablation().scale().set().isEmpty()) {
      body.append(
          "<dt>all of them</dt><dd>%s</dd>"
              .formatted(codes(inForce(table.ablation().scale().set()))));
    }
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
      return "nothing of its own";
    }
    return codes(inForce(Stream.concat(sets.stream(), own.stream()).toList()));
  }

  /** Without those whose value a later one replaces. */
  private static Collection<String> inForce(List<String> sets) {
    Map<String, String> last = new LinkedHashMap<>();
    sets.forEach(set -> last.put(set.replaceFirst("=.*", ""), set));
    return last.values();
  }

  private static String codes(Collection<String> sets) {
    return sets.stream()
        .map(set -> "<code>%s</code>".formatted(Escape.html(set)))
        .collect(Collectors.joining("<br>"));
  }

  /** Means by task, and differences from the first variant with their standard errors. */
  private String byTask() {
    Map<String, Map<String, TaskValue>> all = table.byTask();
    if (all.isEmpty()) {
      return "";
    }
    List<String> columns = new ArrayList<>(List.of("task"));
    table.variants().forEach(variant -> columns.add(variant.name()));
    List<List<String>> rows = new ArrayList<>();
    all.forEach(
        (task, values) -> {
          List<String> row = new ArrayList<>(List.of(task));
          values.values().forEach(value -> row.add(cell(value)));
          rows.add(row);
        });
    return "<section><h2>By task</h2><p>Means over seeds; after them the difference from %s and its error. A mean over tasks may be that of one task.</p>%s</section>%n"
        .formatted(
            Escape.html(table.variants().get(0).name()), Html.table("By task", columns, rows));
  }

  private static String cell(TaskValue value) {
    String mean = AblationTable.number(value.mean(), false);
    Tested tested = value.difference();
    return tested == null
        ? mean
        : "%s (%s ± %s)"
            .formatted(
                mean,
                AblationTable.number(tested.paired().difference(), true),
                AblationTable.number(tested.paired().standardError(), false));
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
    StringBuilder html =
        new StringBuilder(
            "<div class=\"dots\" role=\"img\" aria-label=\"%s\">"
                .formatted(Escape.html(table.metric())));
    for (Variant variant : table.variants()) {
      html.append("<span>%s</span><svg>".formatted(Escape.html(variant.name())));
      html.append("<line x2=\"100%\" y1=\"50%\" y2=\"50%\"/>");
      variant
          .values()
          .forEach(
              (seed, measured) ->
                  html.append(
                      "<circle cx=\"%s\" cy=\"50%%\" r=\"5\"><title>seed %d: %s</title></circle>"
                          .formatted(
                              x(measured.value(), from, to),
                              seed,
                              AblationTable.number(measured.value(), false))));
      html.append("<rect x=\"%s\" y=\"10%%\"/></svg>".formatted(x(variant.mean(), from, to)));
    }
    html.append("<span></span><div class=\"axis\">");
    for (int i = 0; i < TICKS; i++) {
      double at = from + (to - from) * i / (TICKS - 1);
      html.append("<span>%s</span>".formatted(String.format(Locale.ROOT, "%.3g", at)));
    }
    return html.append("</div></div>").toString();
  }

  /** A place on the axis. */
  private static String x(double value, double from, double to) {
    return String.format(Locale.ROOT, "%.2f%%", 100 * (value - from) / (to - from));
  }
}
