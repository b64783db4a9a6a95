package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Histogram;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Pictures;
import dev.palimpsest.cli.reports.StageSurvey.Sample;
import dev.palimpsest.cli.reports.StageSurvey.TaskSurvey;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** {@link StageSurvey}s as one HTML page. */
public final class MixturePage {
  private final PipelineConfig recipe;
  private final List<StageSurvey> surveys;
  private final Map<String, SegmentationTokens> codecs;
  private final StringBuilder out = new StringBuilder();

  private MixturePage(PipelineConfig recipe, List<StageSurvey> surveys) {
    this.recipe = recipe;
    this.surveys = surveys;
    this.codecs = codecs(recipe);
  }

  /** Renders the page. */
  public static String of(PipelineConfig recipe, List<StageSurvey> surveys) {
    MixturePage page = new MixturePage(recipe, surveys);
    page.head();
    page.out.append("<main>\n");
    page.filter();
    surveys.forEach(page::stage);
    page.out.append("</main>\n");
    page.foot();
    return Html.page("Mixture of " + recipe.name(), page.out.toString());
  }

  private void head() {
    out.append("<header class=\"top\">\n<h1>Mixture of ")
        .append(Escape.html(recipe.name()))
        .append("</h1>\n");
    if (!recipe.description().isBlank()) {
      out.append("<p class=\"lead\">")
          .append(Escape.html(recipe.description().strip()))
          .append("</p>\n");
    }
    out.append("</header>\n<nav class=\"stages\" aria-label=\"Stages\"><ul>\n");
    for (StageSurvey survey : surveys) {
      String name = Escape.html(survey.stage().name());
      out.append(Html.format("<li><a href=\"#stage-%s\">%s</a></li>%n", name, name));
    }
    out.append("</ul></nav>\n");
  }

  private void stage(StageSurvey survey) {
    StageConfig stage = survey.stage();
    String name = Escape.html(stage.name());
    out.append(
        Html.format(
            "<section class=\"stage\" id=\"stage-%s\" aria-labelledby=\"title-%s\">%n"
                + "<h2 id=\"title-%s\">%s</h2>%n",
            name, name, name, name));
    out.append(
        Html.format(
            "<p class=\"lead\">Counted over %s of its positions, %s.</p>%n",
            Html.count(survey.positions()),
            survey.positions() == stage.examples()
                ? "which is all"
                : "spread over the whole stage"));
    strip(survey);
    problems(survey);
    weights(survey);
    out.append("<div class=\"two\">\n");
    card(
        "Tokens per example",
        chart(
            survey.lengths(),
            "tokens needed",
            stage.textTokens() + 1,
            "room for " + (stage.textTokens() + 1),
            true));
    card(
        "Size of pictures",
        chart(
            survey.sides(),
            "pixels, geometric mean of the sides",
            stage.resolution(),
            "stage: " + stage.resolution() + "px",
            false));
    card("Pictures per example", pictures(survey.pictures()));
    out.append("</div>\n");
    for (int i = 0; i < survey.tasks().size(); i++) {
      task(survey, survey.tasks().get(i), i);
    }
    out.append("</section>\n");
  }

  /** A choice for the whole page, implemented by the style sheet alone. */
  private void filter() {
    boolean cut =
        surveys.stream()
            .flatMap(survey -> survey.tasks().stream())
            .flatMap(task -> task.samples().stream())
            .anyMatch(Sample::cut);
    if (cut) {
      out.append(
          "<p class=\"filter\"><label><input type=\"checkbox\" id=\"only-cut\">Of the examples,"
              + " show only those that are truncated</label></p>\n");
    }
  }

  private void strip(StageSurvey survey) {
    StageConfig stage = survey.stage();
    int imageTokens = recipe.model().vision().imageTokens(stage.resolution());
    out.append("<dl class=\"strip\">\n");
    fact(
        "examples",
        Html.count(stage.examples()),
        Html.count(stage.steps()) + " steps of " + stage.batchSize(),
        false);
    fact(
        "input",
        stage.resolution() + "px",
        Html.count(imageTokens) + " image tokens per picture",
        false);
    fact(
        "text",
        Html.count(stage.textTokens()) + " tokens",
        "median needed "
            + StageSurvey.quantile(survey.lengths(), 0.5)
            + ", 95 % "
            + StageSurvey.quantile(survey.lengths(), 0.95),
        false);
    fact("supervised", Html.format("%,.0f", survey.supervisedAStep()), "tokens per step", false);
    fact(
        "are truncated",
        Html.percent(survey.cutShare()),
        "of the examples, EOS included",
        survey.cutShare() > 0.01);
    double most = survey.tasks().stream().mapToDouble(TaskSurvey::epochs).max().orElse(0);
    fact("most epochs", Html.format("%.3g", most), "of one source", false);
    fact(
        "unreadable",
        Html.count(survey.unreadable()),
        "of those examined",
        survey.unreadable() > 0);
    out.append("</dl>\n");
  }

  private void fact(String name, String value, String more, boolean warn) {
    out.append(
        Html.format(
            "<div%s><dt>%s</dt><dd>%s<small>%s</small></dd></div>%n",
            warn ? " class=\"warn\"" : "",
            Escape.html(name),
            Escape.html(value),
            Escape.html(more)));
  }

  private void problems(StageSurvey survey) {
    if (survey.unreadable() == 0) {
      return;
    }
    out.append("<div class=\"notes\" role=\"note\"><strong>Could not be read</strong><ul>\n");
    for (TaskSurvey task : survey.tasks()) {
      if (task.unreadable() > 0) {
        out.append(
            Html.format(
                "<li>%s, %d of %d:<ul>%n",
                Escape.html(task.name()), task.unreadable(), task.drawn()));
        for (String problem : task.problems()) {
          out.append("<li>").append(Escape.html(problem)).append("</li>\n");
        }
        out.append("</ul></li>\n");
      }
    }
    out.append("</ul></div>\n");
  }

  /** The table, with a bar beside the numbers. */
  private void weights(StageSurvey survey) {
    double most = 1e-9;
    for (TaskSurvey task : survey.tasks()) {
      most = Math.max(most, Math.max(task.wanted() + task.error(), drawn(survey, task)));
    }
    out.append(
        "<div class=\"card\"><h3>Weights</h3>\n"
            + "<p class=\"lead\">Bar: the share drawn. Frame: the share requested. Whisker: two"
            + " standard errors of the sample around the requested share.</p>\n"
            + "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Weights of "
            + Escape.html(survey.stage().name())
            + "\"><table>\n<thead><tr><th scope=\"col\">task</th><th scope=\"col\">wanted</th>"
            + "<th scope=\"col\">drawn</th><th scope=\"col\"><abbr title=\"standard error of the"
            + " sample\">±</abbr></th><th scope=\"col\"></th><th scope=\"col\">rows</th>"
            + "<th scope=\"col\">epochs</th><th scope=\"col\">tokens<br>50 % / 95 % / most</th>"
            + "<th scope=\"col\">lose<br>EOS</th><th scope=\"col\">supervised<br>an example</th>"
            + "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < survey.tasks().size(); i++) {
      TaskSurvey task = survey.tasks().get(i);
      int read = task.lengths().length;
      double drawn = drawn(survey, task);
      boolean off = Math.abs(drawn - task.wanted()) > 4 * task.error() + 1e-4;
      double cut = read == 0 ? 0 : (double) task.cut() / read;
      out.append(
          Html.format(
              "<tr><th scope=\"row\"><span class=\"dot\""
                  + " style=\"--hue:%d\"></span>%s</th><td>%s</td><td%s>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%d"
                  + " / %d / %d</td><td%s>%s</td><td>%s</td></tr>%n",
              hue(i),
              Escape.html(task.name()),
              Html.percent(task.wanted()),
              off ? " class=\"off\"" : "",
              Html.percent(drawn),
              Html.percent(task.error()),
              bar(task, drawn, most, hue(i)),
              Html.count(task.size()),
              Html.format("%.3g", task.epochs()),
              StageSurvey.quantile(task.lengths(), 0.5),
              StageSurvey.quantile(task.lengths(), 0.95),
              StageSurvey.quantile(task.lengths(), 1),
              cut > 0.01 ? " class=\"off\"" : "",
              Html.percent(cut),
              read == 0 ? "-" : Html.format("%.1f", (double) task.supervised() / read)));
    }
    out.append("</tbody></table></div></div>\n");
  }

  private static double drawn(StageSurvey survey, TaskSurvey task) {
    return (double) task.drawn() / Math.max(1, survey.positions());
  }

  private static String bar(TaskSurvey task, double drawn, double most, int hue) {
    double scale = 150 / most;
    return Html.format(
        "<svg class=\"chart weights\" style=\"--hue:%d;width:160px\" viewBox=\"0 0 160 18\""
            + " aria-hidden=\"true\"><rect class=\"bar\" x=\"0\" y=\"4\" width=\"%.2f\""
            + " height=\"10\" rx=\"2\"/><rect class=\"wanted\" x=\"0.75\" y=\"2\" width=\"%.2f\""
            + " height=\"14\" rx=\"2\"/><line class=\"error\" x1=\"%.2f\" x2=\"%.2f\" y1=\"9\""
            + " y2=\"9\"/></svg>",
        hue,
        drawn * scale,
        Math.max(0.5, task.wanted() * scale),
        Math.max(0, (task.wanted() - 2 * task.error()) * scale),
        (task.wanted() + 2 * task.error()) * scale);
  }

  /**
   * Steps by the golden angle around the colour circle, so that neighbours differ for any number of
   * tasks.
   */
  private static int hue(int number) {
    return (number * 137 + 212) % 360;
  }

  private void card(String title, String content) {
    out.append("<div class=\"card\"><h3>")
        .append(Escape.html(title))
        .append("</h3>\n")
        .append(content)
        .append("</div>\n");
  }

  private static String chart(
      int[] values, String what, double limit, String label, boolean overIsBad) {
    return values.length == 0
        ? "<p class=\"lead\">None.</p>\n"
        : Histogram.of(values).svg(what, limit, label, overIsBad);
  }

  private static String pictures(int[] counts) {
    Map<Integer, Long> by = new TreeMap<>();
    Arrays.stream(counts).forEach(count -> by.merge(count, 1L, Long::sum));
    StringBuilder table =
        new StringBuilder(
            "<table><thead><tr><th scope=\"col\">pictures</th><th scope=\"col\">examples</th>"
                + "<th scope=\"col\">share</th></tr></thead><tbody>\n");
    by.forEach(
        (pictures, examples) ->
            table.append(
                Html.format(
                    "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>%n",
                    pictures == 0 ? "none" : pictures,
                    Html.count(examples),
                    Html.percent((double) examples / counts.length))));
    return table.append("</tbody></table>\n").toString();
  }

  private void task(StageSurvey survey, TaskSurvey task, int number) {
    out.append(
        Html.format(
            "<article class=\"card task\" style=\"--hue:%d\"><header><h3>%s</h3><p>%s wanted · %s"
                + " rows · %s epochs · %s lose EOS</p></header>%n",
            hue(number),
            Escape.html(task.name()),
            Html.percent(task.wanted()),
            Html.count(task.size()),
            Html.format("%.3g", task.epochs()),
            task.lengths().length == 0
                ? "-"
                : Html.percent((double) task.cut() / task.lengths().length)));
    if (task.samples().isEmpty()) {
      out.append("<p class=\"lead\">None of the examined positions has this task.</p></article>\n");
      return;
    }
    out.append("<ul class=\"samples\">\n");
    task.samples().forEach(one -> sample(task.name(), one));
    out.append("</ul>\n<details><summary>Lengths and sizes of this task</summary>\n");
    out.append("<div class=\"two\">");
    card(
        "Tokens per example",
        chart(
            task.lengths(),
            "tokens needed",
            survey.stage().textTokens() + 1,
            "room for " + (survey.stage().textTokens() + 1),
            true));
    card(
        "Size of pictures",
        chart(
            task.sides(),
            "pixels, geometric mean of the sides",
            survey.stage().resolution(),
            "stage: " + survey.stage().resolution() + "px",
            false));
    out.append("</div></details>\n</article>\n");
  }

  private void sample(String task, Sample sample) {
    out.append("<li class=\"sample").append(sample.cut() ? " cut" : "").append("\">\n");
    out.append(Pictures.of(sample.example(), codec(task)));
    out.append("<div class=\"words\"><p class=\"prefix\">")
        .append(Pictures.words(sample.example().prefix()))
        .append("<span class=\"mark\" title=\"separator\">⏎</span></p><p class=\"suffix\">")
        .append(Pictures.words(sample.kept()));
    if (sample.cut()) {
      out.append("<del>").append(Pictures.words(sample.lost())).append("</del>");
    } else {
      out.append("<span class=\"mark\" title=\"end of sequence\">")
          .append(Escape.html(StageSurvey.END))
          .append("</span>");
    }
    out.append("</p></div>\n");
    out.append(
        Html.format(
            "<div class=\"foot\"><span>%s</span><span>position %s · %d tokens%s</span></div>%n",
            Escape.html(sample.example().id()),
            Html.count(sample.position()),
            sample.tokens(),
            sample.cut() ? ", cut" : ""));
    out.append("</li>\n");
  }

  /** The mask codec of a task that has one, or of any. */
  private @Nullable SegmentationTokens codec(String task) {
    return codecs.getOrDefault(task, codecs.values().stream().findFirst().orElse(null));
  }

  private static Map<String, SegmentationTokens> codecs(PipelineConfig recipe) {
    Map<String, SegmentationTokens> codecs = new TreeMap<>();
    recipe
        .tasks()
        .forEach(
            (name, task) -> {
              if (task.type() instanceof TaskType.Segment segment) {
                codecs.put(name, SegmentationTokens.load(Path.of(segment.vae())));
              }
            });
    return codecs;
  }

  private void foot() {
    boolean withoutMasks =
        codecs.isEmpty()
            && surveys.stream()
                .flatMap(survey -> survey.tasks().stream())
                .flatMap(task -> task.samples().stream())
                .anyMatch(sample -> sample.example().suffix().contains("<seg"));
    out.append("<footer><p>Drawn by <code>palimpsest mixture</code>; seed ")
        .append(recipe.seed())
        .append(". Prompts are grey, targets bold; what a stage truncates is struck out.");
    if (withoutMasks) {
      out.append(
          " For segmentation tokens only the box is drawn, because no task of this recipe names the codec's"
              + " weights.");
    }
    out.append("</p></footer>\n");
  }
}
