package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.Comparison.Difference;
import dev.palimpsest.cli.reports.Comparison.Model;
import dev.palimpsest.cli.reports.Comparison.Row;
import dev.palimpsest.cli.reports.Comparison.Sample;
import dev.palimpsest.cli.reports.Comparison.Task;
import dev.palimpsest.cli.reports.Comparison.Value;
import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** An evaluation of one or several models on one page. */
public final class EvaluationPage {
  private final Comparison comparison;
  private final List<String> labels;
  private final StringBuilder out = new StringBuilder();

  private EvaluationPage(Comparison comparison) {
    this.comparison = comparison;
    this.labels = comparison.models().stream().map(Model::label).toList();
  }

  /** Renders the page. */
  public static String of(Comparison comparison) {
    EvaluationPage page = new EvaluationPage(comparison);
    String title = "Evaluation of " + String.join(", ", page.labels);
    page.head(title);
    page.out.append("<main>\n");
    page.scores();
    if (page.labels.size() > 1) {
      page.differences();
    }
    page.answers();
    page.models();
    page.out.append("</main>\n<footer><p>This page needs no network.</p></footer>\n");
    return Html.pageWithPlots(title, page.out.toString());
  }

  private void head(String title) {
    long examples = comparison.tasks().stream().mapToLong(Task::examples).sum();
    out.append("<header class=\"top\">\n<h1>")
        .append(Escape.html(title))
        .append("</h1>\n<dl class=\"strip\">\n")
        .append(Html.fact("models", Html.count(labels.size()), ""))
        .append(Html.fact("tasks", Html.count(comparison.tasks().size()), ""))
        .append(Html.fact("questions", Html.count(examples), "to each model"))
        .append("</dl>\n</header>\n");
    List<String> sections = new ArrayList<>(List.of("Scores", "Differences", "Answers", "Models"));
    if (labels.size() < 2) {
      sections.remove("Differences");
    }
    out.append(Html.navigation(sections));
  }

  private void scores() {
    out.append(
        Html.section(
            "scores",
            "Scores",
            "With 95 % intervals, over pictures where examples share them. Up is better, except for"
                + " losses and perplexities."));
    out.append("<div class=\"charts\">\n");
    for (Task task : comparison.tasks()) {
      for (Row row : task.rows()) {
        List<ScoreCharts.At> values = values(row);
        if (!values.isEmpty()) {
          out.append(ScoreCharts.chart(name(task, row), values, labels, false));
        }
      }
    }
    out.append("</div>\n");
    List<String> columns = new ArrayList<>(List.of("task", "metric", "", "n"));
    columns.addAll(labels);
    List<List<String>> rows = new ArrayList<>();
    for (Task task : comparison.tasks()) {
      for (Row row : task.rows()) {
        List<String> cells = new ArrayList<>();
        cells.add(task.name());
        cells.add(row.metric());
        cells.add(row.lowerIsBetter() ? "↓" : "↑");
        cells.add(Html.count(task.examples()));
        row.values().forEach(value -> cells.add(ComparisonText.words(value)));
        rows.add(cells);
      }
    }
    out.append(Html.table("Scores", columns, rows)).append("</section>\n");
  }

  private static String name(Task task, Row row) {
    return task.name() + ", " + row.metric().replaceFirst(" v\\d+$", "");
  }

  private List<ScoreCharts.At> values(Row row) {
    List<ScoreCharts.At> values = new ArrayList<>();
    for (int i = 0; i < labels.size(); i++) {
      Value value = row.values().get(i);
      Double number = value.value();
      if (number != null) {
        values.add(
            new ScoreCharts.At(
                labels.get(i),
                number,
                value.low() == null ? number : value.low(),
                value.high() == null ? number : value.high(),
                null));
      }
    }
    return values;
  }

  private void differences() {
    out.append(
        Html.section("differences", "Differences from " + labels.get(0), ComparisonText.LEGEND));
    List<List<String>> rows = new ArrayList<>();
    Map<String, Set<String>> untested = new LinkedHashMap<>();
    for (Task task : comparison.tasks()) {
      for (Row row : task.rows()) {
        for (int i = 0; i < row.differences().size(); i++) {
          String model = labels.get(i + 1);
          Difference difference = row.differences().get(i);
          if (difference.paired() == null) { // a sentence, which would push the columns away
            untested
                .computeIfAbsent(model + ": " + difference.why(), why -> new LinkedHashSet<>())
                .add(task.name());
            continue;
          }
          List<String> cells = new ArrayList<>(List.of(task.name(), row.metric(), model));
          cells.addAll(ComparisonText.cells(difference));
          rows.add(cells);
        }
      }
    }
    if (!rows.isEmpty()) {
      out.append(
          Html.table(
              "Differences",
              List.of(
                  "task",
                  "metric",
                  "model",
                  "difference",
                  "95 % interval",
                  "p",
                  "test",
                  "higher / lower / same"),
              rows));
    }
    untested.forEach(
        (why, tasks) ->
            out.append(
                Html.format(
                    "<p>%s</p>%n", Escape.html(why + " (" + String.join(", ", tasks) + ")"))));
    out.append("</section>\n");
  }

  private void answers() {
    out.append(
        Html.section(
            "answers",
            "Answers",
            "Questions that the models answer differently come first; what is right, character by"
                + " character, is green. Boxes and masks of an answer are drawn over its picture."));
    for (Task task : comparison.tasks()) {
      SegmentationTokens codec = codec(task.maskDecoder());
      out.append(
          Html.format(
              "<article class=\"card\"><h3>%s</h3><ul class=\"asked\">%n",
              Escape.html(task.name())));
      for (Sample sample : task.samples()) {
        Map<String, String> answers = new LinkedHashMap<>();
        for (int i = 0; i < labels.size(); i++) {
          answers.put(labels.get(i), sample.answers().get(i));
        }
        out.append(
            QuestionCard.html(
                codec,
                sample.id(),
                sample.prompt(),
                sample.references(),
                sample.pictures().isEmpty() ? "" : sample.pictures().get(0),
                answers));
      }
      out.append("</ul></article>\n");
    }
    out.append("</section>\n");
  }

  private static @Nullable SegmentationTokens codec(@Nullable String file) {
    return file == null || !Files.isRegularFile(Path.of(file))
        ? null
        : SegmentationTokens.load(Path.of(file));
  }

  private void models() {
    out.append(
        Html.section("models", "Models", "Where they are, and what computed their answers."));
    for (Model model : comparison.models()) {
      out.append(Html.format("<div class=\"card\"><h3>%s</h3>%n", Escape.html(model.label())))
          .append(Html.facts(model.facts()))
          .append("</div>\n");
    }
    List<String> notes = new ArrayList<>();
    comparison
        .tasks()
        .forEach(task -> task.notes().forEach(note -> notes.add(task.name() + ": " + note)));
    if (!notes.isEmpty()) {
      out.append("<div class=\"card\"><h3>Notes</h3><ul class=\"plain\">\n");
      notes.forEach(note -> out.append("<li>").append(Escape.html(note)).append("</li>\n"));
      out.append("</ul></div>\n");
    }
    out.append("</section>\n");
  }
}
