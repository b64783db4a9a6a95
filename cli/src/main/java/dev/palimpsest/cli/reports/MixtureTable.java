package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.StageSurvey.TaskSurvey;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
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

  /**
   * The same numbers for programs. Shares are between 0 and 1; quantiles are of the examples that
   * could be read.
   */
  public static String json(PipelineConfig recipe, List<StageSurvey> surveys) {
    ObjectNode root = Json.STRICT.createObjectNode();
    root.put("recipe", recipe.name());
    ArrayNode stages = root.putArray("stages");
    for (StageSurvey survey : surveys) {
      StageConfig stage = survey.stage();
      ObjectNode node =
          stages
              .addObject()
              .put("name", stage.name())
              .put("examples", stage.examples())
              .put("steps", stage.steps())
              .put("batchSize", stage.batchSize())
              .put("resolution", stage.resolution())
              .put("textTokens", stage.textTokens())
              .put("positions", survey.positions())
              .put("loseEos", survey.cutShare())
              .put("supervisedTokensPerStep", survey.supervisedAStep())
              .put("unreadable", survey.unreadable());
      ArrayNode tasks = node.putArray("tasks");
      survey.tasks().forEach(task -> tasks.add(json(task, survey.positions())));
    }
    return Json.indented(root);
  }

  private static ObjectNode json(TaskSurvey task, int positions) {
    int read = task.lengths().length;
    ObjectNode node =
        Json.STRICT
            .createObjectNode()
            .put("name", task.name())
            .put("wanted", task.wanted())
            .put("drawn", (double) task.drawn() / positions)
            .put("drawnError", task.error())
            .put("rows", task.size())
            .put("epochs", task.epochs())
            .put("read", read)
            .put("loseEos", task.cut())
            .put("supervisedTokens", task.supervised());
    quantiles(node.putObject("tokens"), task.lengths());
    quantiles(node.putObject("pictures"), task.pictures());
    quantiles(node.putObject("sidePixels"), task.sides());
    node.put("unreadable", task.unreadable());
    task.problems().forEach(node.putArray("problems")::add);
    return node;
  }

  /** Empty if there are no values. */
  private static void quantiles(ObjectNode node, int[] values) {
    if (values.length > 0) {
      node.put("least", StageSurvey.quantile(values, 0))
          .put("median", StageSurvey.quantile(values, 0.5))
          .put("p95", StageSurvey.quantile(values, 0.95))
          .put("most", StageSurvey.quantile(values, 1));
    }
  }

  /** {@code 1}, or {@code 0 to 2}. */
  static String pictures(int[] counts) {
    int least = StageSurvey.quantile(counts, 0);
    int most = StageSurvey.quantile(counts, 1);
    return least == most ? Integer.toString(least) : least + " to " + most;
  }
}
