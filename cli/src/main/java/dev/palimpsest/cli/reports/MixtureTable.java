package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.StageSurvey.TaskSurvey;
import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.List;

/** A {@link StageSurvey} as a table for the terminal. */
public final class MixtureTable {
  private MixtureTable() {}

  /** The lines for a stage. */
  public static List<String> of(StageSurvey survey) {
    var stage = survey.stage();
    List<String> lines = new ArrayList<>();
    lines.add(
        Html.format(
            "%s: %,d examples in %,d steps of %d, %dpx, %d text tokens",
            Escape.line(stage.name()),
            stage.examples(),
            stage.steps(),
            stage.batchSize(),
            stage.resolution(),
            stage.textTokens()));
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "task",
            "wanted",
            "drawn",
            "+-",
            "rows",
            "epochs",
            "tokens 50 %",
            "95 %",
            "most",
            "lose EOS",
            "supervised",
            "pictures",
            "side 50 %"));
    for (TaskSurvey task : survey.tasks()) {
      int read = task.lengths().length;
      rows.add(
          List.of(
              Escape.line(task.name()),
              Html.percent(task.wanted()),
              Html.percent((double) task.drawn() / survey.positions()),
              Html.percent(task.error()),
              Html.count(task.size()),
              Html.format("%.3g", task.epochs()),
              Html.count(StageSurvey.quantile(task.lengths(), 0.5)),
              Html.count(StageSurvey.quantile(task.lengths(), 0.95)),
              Html.count(StageSurvey.quantile(task.lengths(), 1)),
              read == 0 ? "-" : Html.percent((double) task.cut() / read),
              read == 0 ? "-" : Html.format("%.1f", (double) task.supervised() / read),
              pictures(task.pictures()),
              task.sides().length == 0
                  ? "-"
                  : Html.count(StageSurvey.quantile(task.sides(), 0.5)) + "px"));
    }
    lines.addAll(Columns.aligned("  ", rows));
    lines.add(
        Html.format(
            "  %s lose EOS; %.0f supervised tokens a step; over %,d positions, spread over the"
                + " stage",
            Html.percent(survey.cutShare()), survey.supervisedAStep(), survey.positions()));
    if (survey.unreadable() > 0) {
      lines.add(Html.format("  %d of them could not be read:", survey.unreadable()));
      for (TaskSurvey task : survey.tasks()) {
        if (task.unreadable() > 0) {
          lines.add(
              Html.format(
                  "    %s, %d of %d:", Escape.line(task.name()), task.unreadable(), task.drawn()));
          task.problems().forEach(problem -> lines.add("      " + Escape.line(problem)));
        }
      }
    }
    return lines;
  }

  /** {@code 1}, or {@code 0 to 2}. */
  static String pictures(int[] counts) {
    int least = StageSurvey.quantile(counts, 0);
    int most = StageSurvey.quantile(counts, 1);
    return least == most ? Integer.toString(least) : least + " to " + most;
  }
}
