package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.Comparison.Difference;
import dev.palimpsest.cli.reports.Comparison.Model;
import dev.palimpsest.cli.reports.Comparison.Row;
import dev.palimpsest.cli.reports.Comparison.Task;
import dev.palimpsest.cli.reports.Comparison.Value;
import dev.palimpsest.eval.metrics.PairedTest;
import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Models compared, in words and numbers for people. */
public final class ComparisonText {
  /** What the marks and tests mean. */
  static final String LEGEND =
      "* significant at 5 % after Holm's correction for all differences in the table. Intervals of"
          + " differences: paired bootstrap, 95 %, over pictures where examples share them.";

  private ComparisonText() {}

  /** {@code comparison.md}: one table over all models, and one of differences from the first. */
  public static String markdown(Comparison comparison) {
    StringBuilder out = new StringBuilder("# Evaluation of several models\n\n");
    List<Model> models = comparison.models();
    for (Model model : models) {
      out.append(
          "- %s: %s\n"
              .formatted(
                  Escape.markdown(model.label()),
                  Escape.markdown(String.valueOf(model.facts().get("checkpoint")))));
    }
    out.append("\n| task | metric | | n |");
    models.forEach(model -> out.append(" %s |".formatted(Escape.markdown(model.label()))));
    out.append("\n|---|---|---|---:|").append("---:|".repeat(models.size())).append('\n');
    for (Task task : comparison.tasks()) {
      for (Row row : task.rows()) {
        out.append(
            "| %s | %s | %s | %d |"
                .formatted(
                    Escape.markdown(task.name()),
                    row.metric(),
                    row.lowerIsBetter() ? "↓" : "↑",
                    task.examples()));
        row.values().forEach(value -> out.append(" %s |".formatted(words(value))));
        out.append('\n');
      }
    }
    if (models.size() > 1) {
      out.append("\n## Differences from %s\n\n".formatted(Escape.markdown(models.get(0).label())));
      out.append(
          "| task | metric | model | difference | 95 % interval | p | test | higher / lower / same |\n");
      out.append("|---|---|---|---:|---|---:|---|---|\n");
      for (Task task : comparison.tasks()) {
        for (Row row : task.rows()) {
          for (int i = 0; i < row.differences().size(); i++) {
            out.append(
                "| %s | %s | %s | %s |\n"
                    .formatted(
                        Escape.markdown(task.name()),
                        row.metric(),
                        Escape.markdown(models.get(i + 1).label()),
                        String.join(" | ", cells(row.differences().get(i)))));
          }
        }
      }
      out.append("\n").append(LEGEND).append('\n');
    }
    Set<String> notes = new LinkedHashSet<>();
    comparison
        .tasks()
        .forEach(task -> task.notes().forEach(note -> notes.add(task.name() + ": " + note)));
    if (!notes.isEmpty()) {
      out.append("\n## Notes\n\n");
      notes.forEach(note -> out.append("- %s\n".formatted(Escape.markdown(note))));
    }
    return out.toString();
  }

  /** For a terminal: a line for each task and metric, and the differences below it. */
  public static String plain(Comparison comparison) {
    StringBuilder out = new StringBuilder();
    int name =
        comparison.models().stream().mapToInt(model -> model.label().length()).max().orElse(0);
    for (Task task : comparison.tasks()) {
      for (Row row : task.rows()) {
        out.append(
            Html.format(
                "%s, %s%s, n = %d%n",
                Escape.line(task.name()),
                row.metric(),
                row.lowerIsBetter() ? " (lower is better)" : "",
                task.examples()));
        for (int i = 0; i < row.values().size(); i++) {
          out.append(
              Html.format(
                  "  %-" + name + "s  %s",
                  Escape.line(comparison.models().get(i).label()),
                  words(row.values().get(i))));
          if (i > 0 && !row.differences().isEmpty()) {
            List<String> cells = cells(row.differences().get(i - 1));
            out.append("  ").append(cells.get(0));
            if (row.differences().get(i - 1).paired() != null) {
              out.append(Html.format(" (%s), p %s, %s", cells.get(1), cells.get(2), cells.get(3)));
            }
          }
          out.append(System.lineSeparator());
        }
      }
    }
    return out.append(LEGEND).append(System.lineSeparator()).toString();
  }

  /** Difference, interval, p, test, counts. */
  static List<String> cells(Difference difference) {
    PairedTest test = difference.paired();
    if (test == null) {
      return List.of(difference.why(), "-", "-", "-", "-");
    }
    List<String> cells = new ArrayList<>();
    cells.add(Html.format("%+.4f%s", test.difference(), difference.significant() ? " *" : ""));
    cells.add(Html.format("%+.4f to %+.4f", test.interval().low(), test.interval().high()));
    cells.add(probability(test.p()));
    cells.add(test.test().words());
    int scored = test.higher() + test.lower() + test.same();
    cells.add(
        scored == 0 ? "-" : "%d / %d / %d".formatted(test.higher(), test.lower(), test.same()));
    return cells;
  }

  private static String probability(double p) {
    return p < 0.0001 ? "< 0.0001" : Html.format("%.4f", p);
  }

  static String words(Value value) {
    return number(value.value())
        + (value.low() == null || value.high() == null
            ? ""
            : " (%s to %s)".formatted(number(value.low()), number(value.high())));
  }

  static String number(@Nullable Double value) {
    return value == null ? "-" : Html.format("%.4f", value);
  }
}
