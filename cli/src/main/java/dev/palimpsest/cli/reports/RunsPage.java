package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Plot;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.Score;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.goodput.Goodput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** Several runs beside each other on one page. */
public final class RunsPage {
  private final List<RunData> runs;
  private final List<String> labels;
  private final StringBuilder out = new StringBuilder();

  private RunsPage(List<RunData> runs, List<String> labels) {
    this.runs = runs;
    this.labels = labels;
  }

  /**
   * Renders the page.
   *
   * @param labels short names, one for each run
   */
  public static String of(List<RunData> runs, List<String> labels) {
    RunsPage page = new RunsPage(List.copyOf(runs), List.copyOf(labels));
    String title = "Comparison of " + String.join(", ", labels);
    page.out
        .append("<header class=\"top\">\n<h1>")
        .append(Escape.html(title))
        .append("</h1>\n</header>\n")
        .append(Html.navigation(List.of("Runs", "Training", "Scores", "Recipes", "Environment")))
        .append("<main>\n");
    page.summary();
    page.training();
    page.scores();
    page.recipes();
    page.environment();
    page.out.append(
        "</main>\n<footer><p>Charts by uPlot (MIT licence). This page needs no"
            + " network.</p></footer>\n");
    return Html.pageWithPlots(title, page.out.toString());
  }

  // ---- Runs

  private void summary() {
    out.append(Html.section("runs", "Runs", ""));
    List<List<String>> rows = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      RunData run = runs.get(i);
      double seconds = sum(run, line -> line.path("seconds").asDouble());
      double waited =
          sum(run, line -> line.path("seconds").asDouble() * line.path("waitShare").asDouble());
      double tokens = sum(run, line -> line.path("tokens").asDouble());
      double examples =
          run.stages().stream()
              .mapToDouble(stage -> (double) stage.metrics().size() * stage.config().batchSize())
              .sum();
      double busy = sum(run, line -> line.path("seconds").asDouble() * line.path("mfu").asDouble());
      Goodput goodput = Goodput.read(run.root().resolve("goodput.jsonl"));
      List<double[]> loss = new Series(run).smoothedLoss();
      rows.add(
          List.of(
              labels.get(i),
              RunState.of(run).word(),
              Html.count(run.examples()),
              loss.isEmpty() ? "-" : Html.format("%.4f", loss.get(loss.size() - 1)[1]),
              seconds == 0 ? "-" : RunProgress.brief(examples / seconds),
              tokens == 0 ? "-" : Html.format("%,.0f", tokens / seconds),
              busy == 0 ? "-" : Html.percent(busy / seconds),
              seconds == 0 ? "-" : Html.percent(waited / seconds),
              seconds == 0 ? "-" : RunPage.duration(seconds),
              goodput.wall() == 0 ? "-" : Html.percent(goodput.share())));
    }
    out.append(
            Html.table(
                "Runs",
                List.of(
                    "run",
                    "state",
                    "examples",
                    "last loss, smoothed",
                    "examples/s",
                    "tokens/s",
                    "MFU",
                    "waiting for data",
                    "in steps",
                    "goodput"),
                rows))
        .append("</section>\n");
  }

  private static double sum(RunData run, ToDoubleFunction<JsonNode> of) {
    return run.stages().stream().flatMap(stage -> stage.metrics().stream()).mapToDouble(of).sum();
  }

  // ---- Training

  private void training() {
    out.append(
        Html.section(
            "training",
            "Training",
            "Over the examples of all stages. Drag over a plot to zoom into all of them, click"
                + " twice to see everything again; a click on a name hides its line."));
    Plot loss = new Plot("Loss, smoothed", "nats per token", Plot.Axis.FITTED);
    Plot speed = new Plot("Throughput, smoothed", "examples/s", Plot.Axis.FROM_ZERO);
    Plot norms = new Plot("Gradient norm before clipping, smoothed", "", Plot.Axis.LOGARITHMIC);
    Plot waiting = new Plot("Waiting for data, smoothed", "% of a step", Plot.Axis.FROM_ZERO);
    Plot mfu = new Plot("Model FLOPs utilization, smoothed", "% of peak", Plot.Axis.FROM_ZERO);
    for (int i = 0; i < runs.size(); i++) {
      Series series = new Series(runs.get(i));
      String label = labels.get(i);
      loss.add(label, Plot.Style.PLAIN, i, series.smoothedLoss());
      speed.add(
          label, Plot.Style.PLAIN, i, series.smoothed(l -> Series.number(l, "examplesPerSecond")));
      norms.add(label, Plot.Style.PLAIN, i, series.smoothed(l -> Series.number(l, "gradientNorm")));
      waiting.add(
          label, Plot.Style.PLAIN, i, series.smoothed(l -> 100 * Series.number(l, "waitShare")));
      mfu.add(label, Plot.Style.PLAIN, i, series.smoothed(l -> 100 * Series.number(l, "mfu")));
    }
    if (loss.isEmpty()) {
      out.append("<p class=\"lead\">No step has been logged.</p></section>\n");
      return;
    }
    out.append(loss.html()).append("<div class=\"two\">\n");
    for (Plot plot : List.of(norms, speed, waiting, mfu)) {
      if (!plot.isEmpty()) {
        out.append(plot.html());
      }
    }
    out.append("</div>\n</section>\n");
  }

  // ---- Scores

  private void scores() {
    Map<String, Map<String, ScoreCharts.At>> rows = new LinkedHashMap<>();
    for (int i = 0; i < runs.size(); i++) {
      String label = labels.get(i);
      last(runs.get(i))
          .forEach(
              (suite, result) ->
                  result
                      .tasks()
                      .forEach(
                          (task, scored) -> {
                            for (MetricScore score : scored.metrics()) {
                              if (score.value() != null) {
                                put(
                                    rows,
                                    suite + ": " + task + ", " + score.metric().key(),
                                    label,
                                    score.value(),
                                    score.low() == null ? score.value() : score.low(),
                                    score.high() == null ? score.value() : score.high());
                              }
                            }
                            Score exact = scored.exactMatch();
                            if (exact.n() > 0) {
                              double half = 1.96 * exact.standardError();
                              put(
                                  rows,
                                  suite + ": " + task + ", exact match",
                                  label,
                                  exact.value(),
                                  Math.max(0, exact.value() - half),
                                  Math.min(1, exact.value() + half));
                            }
                          }));
    }
    out.append(
        Html.section(
            "scores",
            "Scores",
            rows.isEmpty()
                ? "Nothing has been scored."
                : "Each suite's last ones, with 95 % intervals. To see whether two models"
                    + " differ, 'eval' on both is more sensitive: it compares answer by answer."));
    out.append("<div class=\"charts\">\n");
    rows.forEach(
        (name, values) ->
            out.append(ScoreCharts.chart(name, new ArrayList<>(values.values()), labels, false)));
    out.append("</div>\n");
    if (!rows.isEmpty()) {
      List<String> columns = new ArrayList<>(List.of("score"));
      columns.addAll(labels);
      List<List<String>> cells = new ArrayList<>();
      rows.forEach(
          (name, values) -> {
            List<String> row = new ArrayList<>(List.of(name));
            for (String label : labels) {
              ScoreCharts.At at = values.get(label);
              row.add(
                  at == null
                      ? "-"
                      : Html.format("%.3f (%.3f to %.3f)", at.value(), at.low(), at.high()));
            }
            cells.add(row);
          });
      out.append(Html.table("Scores", columns, cells));
    }
    out.append("</section>\n");
  }

  private static void put(
      Map<String, Map<String, ScoreCharts.At>> rows,
      String name,
      String label,
      double value,
      double low,
      double high) {
    rows.computeIfAbsent(name, n -> new LinkedHashMap<>())
        .put(label, new ScoreCharts.At(label, value, low, high, null));
  }

  /** The last result of each suite. */
  private static Map<String, SuiteResult> last(RunData run) {
    Map<String, SuiteResult> last = new LinkedHashMap<>();
    for (StageData stage : run.stages()) {
      stage.scores().values().forEach(last::putAll);
    }
    return last;
  }

  // ---- Recipes and environment

  private void recipes() {
    List<List<String>> rows =
        differing(
            run -> {
              Map<String, String> values = Fingerprint.values(run.recipe());
              // Each run's own folder is in paths of its data.
              values.replaceAll((path, value) -> value.replace(run.root().toString(), "${run}"));
              return values;
            });
    out.append(
        Html.section(
            "recipes",
            "Recipes",
            rows.isEmpty() ? "All values are the same." : "Values that differ."));
    if (!rows.isEmpty()) {
      out.append(Html.table("Values that differ", columns("value"), rows));
    }
    out.append("</section>\n");
  }

  private void environment() {
    List<List<String>> rows = differing(RunData::environment);
    out.append(
        Html.section(
            "environment",
            "Environment",
            rows.isEmpty() ? "The same for all." : "Facts that differ; the others are below."));
    if (!rows.isEmpty()) {
      out.append(Html.table("Facts that differ", columns("fact"), rows));
    }
    Map<String, String> same = new LinkedHashMap<>(runs.get(0).environment());
    rows.forEach(row -> same.remove(row.get(0)));
    out.append("<div class=\"card\">").append(Html.facts(same)).append("</div>\n</section>\n");
  }

  private List<String> columns(String first) {
    List<String> columns = new ArrayList<>(List.of(first));
    columns.addAll(labels);
    return columns;
  }

  private List<List<String>> differing(Function<RunData, Map<String, String>> of) {
    List<Map<String, String>> all = runs.stream().map(of).toList();
    Set<String> names = new LinkedHashSet<>();
    all.forEach(values -> names.addAll(values.keySet()));
    List<List<String>> rows = new ArrayList<>();
    for (String name : names) {
      if (all.stream().map(values -> Objects.toString(values.get(name))).distinct().count() > 1) {
        List<String> row = new ArrayList<>(List.of(name));
        all.forEach(values -> row.add(values.getOrDefault(name, "-")));
        rows.add(row);
      }
    }
    return rows;
  }
}
