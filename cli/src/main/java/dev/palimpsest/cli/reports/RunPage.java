package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Plot;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.goodput.Goodput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** {@code report.html}: a run on one page that needs nothing else. */
public final class RunPage {
  private final RunData run;
  private final String lineage;
  private final StringBuilder out = new StringBuilder();

  private RunPage(RunData run, String lineage) {
    this.run = run;
    this.lineage = lineage;
  }

  /**
   * Renders the page.
   *
   * @param state of the run, in a few words
   * @param lineage an SVG picture; may be empty
   */
  public static String of(RunData run, String state, String lineage) {
    RunPage page = new RunPage(run, lineage);
    page.head(state);
    page.out.append("<main>\n");
    page.stages();
    page.training();
    page.time();
    page.scores();
    page.mixture();
    page.answers();
    page.origin();
    page.out.append("</main>\n");
    page.foot();
    return Html.pageWithPlots(run.recipe().name(), page.out.toString());
  }

  /**
   * A page that asks for its newer version every few seconds and then shows it.
   *
   * @param version of the page, as the server tells it
   */
  public static String live(String page, String version) {
    return Html.live(page, version);
  }

  // ---- Head

  private void head(String state) {
    out.append("<header class=\"top\">\n<h1>")
        .append(Escape.html(run.recipe().name()))
        .append("</h1>\n");
    if (!run.recipe().description().isBlank()) {
      out.append("<p class=\"lead\">")
          .append(Escape.html(run.recipe().description().strip()))
          .append("</p>\n");
    }
    long planned = run.recipe().stages().stream().mapToLong(StageConfig::examples).sum();
    double seconds = 0;
    double waited = 0;
    long tokens = 0;
    long steps = 0;
    JsonNode last = null;
    for (StageData stage : run.stages()) {
      for (JsonNode line : stage.metrics()) {
        seconds += line.path("seconds").asDouble();
        waited += line.path("seconds").asDouble() * line.path("waitShare").asDouble();
        tokens += line.path("tokens").asLong();
        steps++;
        last = line;
      }
    }
    out.append("<dl class=\"strip\">\n");
    fact("state", state, "");
    fact(
        "stages",
        "%d of %d"
            .formatted(
                run.stages().stream().filter(stage -> stage.finished().isPresent()).count(),
                run.recipe().stages().size()),
        "finished");
    fact("examples", Html.count(run.examples()), "of " + Html.count(planned));
    if (last != null) {
      fact(
          "loss",
          Html.format(
              "%.4f",
              Plot.smoothed(Series.points(lastTrained(), "loss", 0))
                  .get(lastTrained().metrics().size() - 1)[1]),
          "smoothed, at the end of " + lastTrained().config().name());
      fact("in steps", duration(seconds), Html.count(steps) + " logged steps");
      if (tokens > 0) {
        fact("tokens", Html.format("%,.0f", tokens / seconds), "per second of steps, no padding");
      }
      fact("waiting", Html.percent(waited / seconds), "of the steps' time, for data");
    }
    out.append("</dl>\n</header>\n")
        .append(
            Html.navigation(
                List.of("Stages", "Training", "Time", "Scores", "Mixture", "Answers", "Origin")));
  }

  private StageData lastTrained() {
    return run.stages().stream()
        .filter(stage -> !stage.metrics().isEmpty())
        .reduce((a, b) -> b)
        .orElseThrow();
  }

  private void fact(String name, String value, String more) {
    out.append(Html.fact(name, value, more));
  }

  static String duration(double seconds) {
    return seconds < 120
        ? Html.format("%.0f s", seconds)
        : seconds < 7200
            ? Html.format("%.0f min", seconds / 60)
            : Html.format("%.1f h", seconds / 3600);
  }

  private void section(String id, String title, String lead) {
    out.append(Html.section(id, title, lead));
  }

  // ---- Stages

  private void stages() {
    section("stages", "Stages", "");
    List<List<String>> rows = new ArrayList<>();
    for (StageConfig stage : run.recipe().stages()) {
      StageData data =
          run.stages().stream()
              .filter(begun -> begun.config().name().equals(stage.name()))
              .findFirst()
              .orElse(null);
      List<JsonNode> lines = data == null ? List.of() : data.metrics();
      rows.add(
          List.of(
              stage.name(),
              stage.resolution() + "px",
              Html.count(run.recipe().model().vision().imageTokens(stage.resolution())),
              Html.count(stage.textTokens()),
              data == null
                  ? "-"
                  : data.finished().isPresent()
                      ? Html.count(stage.examples())
                      : Html.count(data.examples()) + " of " + Html.count(stage.examples()),
              stage.examples() == 0 ? "-" : Html.count(stage.batchSize()),
              ConfigYaml.word(stage.precision()),
              lines.isEmpty() ? "-" : Html.format("%.4f", lines.get(0).path("loss").asDouble()),
              lines.isEmpty()
                  ? "-"
                  : Html.format("%.4f", lines.get(lines.size() - 1).path("loss").asDouble()),
              data == null ? "-" : RunTable.rate(data.examplesPerSecond()),
              data == null || data.finished().isEmpty()
                  ? "-"
                  : duration(data.finished().get().path("seconds").asDouble())));
    }
    out.append(
            Html.table(
                "Stages",
                List.of(
                    "stage",
                    "pictures",
                    "image tokens",
                    "text tokens",
                    "examples",
                    "batch",
                    "precision",
                    "first loss",
                    "last loss",
                    "examples/s",
                    "time"),
                rows))
        .append("</section>\n");
  }

  // ---- Training

  private void training() {
    section(
        "training",
        "Training",
        "Over the examples of all stages. Drag over a plot to zoom into all of them, click twice to"
            + " see everything again; a click on a name hides its line.");
    out.append(TrainingPlots.of(run)).append("</section>\n");
  }

  // ---- Time

  private void time() {
    Goodput goodput = Goodput.read(run.root().resolve("goodput.jsonl"));
    section(
        "time",
        "Time",
        goodput.wall() == 0
            ? "Nothing has been booked."
            : Html.format(
                "Goodput %.1f %%: of %s in %d process%s, the share in which steps were computed"
                    + " whose result is kept.",
                100 * goodput.share(),
                duration(goodput.wall()),
                goodput.processes(),
                goodput.processes() == 1 ? "" : "es"));
    if (goodput.wall() > 0) {
      out.append(TimeBar.of(goodput));
    }
    out.append("</section>\n");
  }

  // ---- Scores

  private void scores() {
    Set<String> suites = new LinkedHashSet<>();
    run.stages()
        .forEach(stage -> stage.scores().values().forEach(found -> suites.addAll(found.keySet())));
    section(
        "scores",
        "Scores between stages",
        suites.isEmpty()
            ? "Nothing has been scored."
            : "With 95 % intervals, clustered by picture; the dashed line is the paper's value where"
                + " it has one.");
    for (String suite : suites) {
      out.append(ScoreCharts.of(run, suite));
    }
    out.append("</section>\n");
  }

  // ---- Mixture

  private void mixture() {
    section(
        "mixture",
        "Mixture as it was drawn",
        "Bar: the share of a stage's examples. Frame: the share that the recipe's weights ask for.");
    out.append("<div class=\"two\">\n");
    for (StageData stage : run.stages()) {
      Map<String, Long> drawn = stage.drawn();
      if (!drawn.isEmpty()) {
        mixture(stage, drawn);
      }
    }
    out.append("</div></section>\n");
  }

  private void mixture(StageData stage, Map<String, Long> drawnOf) {
    long all = drawnOf.values().stream().mapToLong(Long::longValue).sum();
    double weights =
        stage.config().mixture().values().stream().mapToDouble(Double::doubleValue).sum();
    boolean asWritten = stage.config().temperature() == 0;
    Map<String, double[]> shares = new TreeMap<>();
    stage
        .config()
        .mixture()
        .forEach(
            (task, weight) ->
                shares.put(
                    task,
                    new double[] {
                      (double) drawnOf.getOrDefault(task, 0L) / all, weight / weights
                    }));
    double most = shares.values().stream().mapToDouble(s -> Math.max(s[0], s[1])).max().orElse(1);
    out.append(
        Html.format(
            "<div class=\"card\"><h3>%s</h3><p class=\"lead\">%s examples</p><table"
                + " class=\"shares\"><tbody>%n",
            Escape.html(stage.config().name()), Html.count(all)));
    shares.entrySet().stream()
        .sorted((a, b) -> Double.compare(b.getValue()[0], a.getValue()[0]))
        .forEach(
            entry -> {
              double drawn = entry.getValue()[0];
              double wanted = entry.getValue()[1];
              out.append(
                  Html.format(
                      "<tr><th scope=\"row\">%s</th><td class=\"bar\"><svg viewBox=\"0 0 100 12\""
                          + " preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"bar\""
                          + " y=\"2\" width=\"%.2f\" height=\"8\"/>%s</svg></td><td>%s</td></tr>%n",
                      Escape.html(entry.getKey()),
                      100 * drawn / most,
                      asWritten
                          ? Html.format(
                              "<rect class=\"wanted\" y=\"0.5\" width=\"%.2f\" height=\"11\"/>",
                              100 * wanted / most)
                          : "",
                      Html.percent(drawn)));
            });
    out.append("</tbody></table></div>\n");
  }

  // ---- Answers

  private void answers() {
    section(
        "answers",
        "Answers",
        "The same questions at each stage; what is right, character by character, is green. Boxes"
            + " and masks of an answer are drawn over its picture.");
    out.append(SampleAnswers.of(run));
    out.append("</section>\n");
  }

  // ---- Origin

  private void origin() {
    section("origin", "Origin", "What the checkpoints were made from, and with what.");
    if (!lineage.isEmpty()) {
      out.append(
              "<div class=\"card\"><h3>Lineage</h3><div class=\"scroll lineage\" tabindex=\"0\""
                  + " role=\"region\" aria-label=\"Lineage\">")
          .append(lineage)
          .append("</div></div>\n");
    }
    Map<String, List<String>> notes = new LinkedHashMap<>();
    run.stages().forEach(stage -> notes.put(stage.config().name(), stage.notes()));
    if (notes.values().stream().anyMatch(list -> !list.isEmpty())) {
      out.append("<div class=\"card\"><h3>Notes</h3><ul class=\"plain\">\n");
      notes.forEach(
          (stage, list) ->
              list.forEach(
                  note ->
                      out.append("<li>")
                          .append(Escape.html(stage + ": " + note))
                          .append("</li>\n")));
      out.append("</ul></div>\n");
    }
    if (!run.environment().isEmpty()) {
      out.append("<div class=\"card\"><h3>Environment</h3>\n")
          .append(Html.facts(run.environment()))
          .append("</div>\n");
    }
    out.append(
            "<details><summary>The whole recipe, with every default</summary><pre class=\"card\">")
        .append(Escape.html(ConfigYaml.write(run.recipe())))
        .append("</pre></details>\n</section>\n");
  }

  private void foot() {
    out.append("<footer><p>")
        .append(Escape.html(run.root().toString()))
        .append(". Charts by uPlot (MIT licence). This page needs no network.</p></footer>\n");
  }
}
