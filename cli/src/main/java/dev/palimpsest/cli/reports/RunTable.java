package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A run in a few lines for a terminal: its stages, and the scores after each. */
public final class RunTable {
  private RunTable() {}

  /** The lines; none of a run without stages. */
  public static List<String> of(RunData run) {
    List<List<String>> stages = new ArrayList<>();
    stages.add(List.of("stage", "pictures", "examples", "loss", "examples/s", "time"));
    List<String> columns = new ArrayList<>(List.of("score"));
    Map<String, Map<String, String>> scores = new LinkedHashMap<>();
    for (StageData stage : run.stages()) {
      String name = stage.config().name();
      stages.add(
          List.of(
              name,
              stage.config().resolution() + "px",
              Html.count(stage.examples()),
              number("%.4f", stage.loss()),
              rate(stage.examplesPerSecond()),
              stage
                  .finished()
                  .map(done -> RunPage.duration(done.path("seconds").asDouble()))
                  .orElse("-")));
      Map<String, SuiteResult> after = stage.scores().getOrDefault("after", Map.of());
      if (!after.isEmpty()) {
        columns.add(name);
        after.forEach(
            (suite, result) ->
                result
                    .tasks()
                    .forEach(
                        (task, scored) ->
                            scores
                                .computeIfAbsent(
                                    what(suite, task, scored), key -> new LinkedHashMap<>())
                                .put(name, value(scored))));
      }
    }
    List<String> lines = new ArrayList<>(Columns.aligned("", stages));
    if (!scores.isEmpty()) {
      List<List<String>> rows = new ArrayList<>(List.of(columns));
      scores.forEach(
          (what, values) -> {
            List<String> row = new ArrayList<>(List.of(what));
            Set<String> names = new LinkedHashSet<>(columns.subList(1, columns.size()));
            names.forEach(name -> row.add(values.getOrDefault(name, "-")));
            rows.add(row);
          });
      lines.add("");
      lines.addAll(Columns.aligned("", rows));
    }
    return lines;
  }

  /** Examples a second. */
  static String rate(double perSecond) {
    return Double.isNaN(perSecond) ? "-" : RunProgress.brief(perSecond);
  }

  private static String number(String format, double value) {
    return Double.isNaN(value) ? "-" : Html.format(format, value);
  }

  private static String what(String suite, String task, TaskResult scored) {
    return suite
        + "/"
        + task
        + scored.headline().map(score -> " " + score.metric().key()).orElse(" exact match");
  }

  private static String value(TaskResult scored) {
    Double value = scored.headline().map(MetricScore::value).orElse(null);
    return Html.format("%.3f", value == null ? scored.exactMatch().value() : value);
  }
}
