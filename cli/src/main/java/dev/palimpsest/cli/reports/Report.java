package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.Gates;
import dev.palimpsest.stages.StageResult;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** {@code report.md}: what a run did, stage by stage, for people. */
public final class Report {
  private final RunFolder folder;
  private final PipelineConfig recipe;
  private final List<StageResult> results;
  private final StringBuilder out = new StringBuilder();
  private final Set<String> notComparable = new LinkedHashSet<>();

  private Report(RunFolder folder, PipelineConfig recipe, List<StageResult> results) {
    this.folder = folder;
    this.recipe = recipe;
    this.results = results;
  }

  /** Writes the report and returns its path. */
  public static Path write(RunFolder folder, PipelineConfig recipe, List<StageResult> results) {
    Report report = new Report(folder, recipe, results);
    report.head();
    report.stages();
    report.scores();
    report.gates();
    report.losses();
    report.notes();
    Path file = folder.root().resolve("report.md");
    RunFolder.writeText(file, report.out.toString());
    return file;
  }

  private void head() {
    line("# " + Escape.markdown(recipe.name()));
    line("");
    if (!recipe.description().isEmpty()) {
      recipe.description().strip().lines().map(Escape::markdown).forEach(this::line);
      line("");
    }
    line(
        "Recipe: [recipe.yaml](recipe.yaml). Machine and software:"
            + " [environment.json](environment.json).");
    line("");
  }

  private void stages() {
    line("## Stages");
    line("");
    line(
        "| stage | resolution | image tokens | text tokens | examples | updates | precision |"
            + " seconds | exports |");
    line("|---|---:|---:|---:|---:|---:|---|---:|---|");
    for (int i = 0; i < results.size(); i++) {
      StageConfig stage = recipe.stages().get(i);
      StageResult result = results.get(i);
      List<String> exports = new ArrayList<>();
      result.exports().forEach(e -> exports.add(link(e)));
      line(
          "| %s | %d | %d | %d | %d | %d | %s | %.1f | %s |"
              .formatted(
                  Escape.markdown(stage.name()),
                  stage.resolution(),
                  recipe.model().vision().imageTokens(stage.resolution()),
                  stage.textTokens(),
                  stage.examples(),
                  stage.steps(),
                  stage.precision().name().toLowerCase(Locale.ROOT),
                  result.seconds(),
                  String.join(", ", exports)));
    }
    line("");
  }

  /** One table per suite: a row for each task, a column for each stage and moment. */
  private void scores() {
    for (String suite : recipe.suites().keySet()) {
      Map<String, SuiteResult> columns = new LinkedHashMap<>();
      for (StageResult result : results) {
        result
            .scores()
            .forEach(
                (moment, suites) -> {
                  if (suites.containsKey(suite)) {
                    columns.put(Escape.markdown(result.name() + " " + moment), suites.get(suite));
                  }
                });
      }
      if (columns.isEmpty()) {
        continue;
      }
      line("## Scores: " + Escape.markdown(suite));
      line("");
      line("Exact match of the answer, with its standard error; in brackets the token accuracy.");
      line("");
      line("| task | n | " + String.join(" | ", columns.keySet()) + " |");
      line("|---|---:|" + "---:|".repeat(columns.size()));
      Set<String> tasks = recipe.suites().get(suite).tasks().keySet();
      for (String task : tasks) {
        row(
            task,
            columns,
            task,
            result ->
                result.exactMatch().n() == 0
                    ? "-"
                    : String.format(
                        Locale.ROOT,
                        "%.3f ± %.3f (%.3f)",
                        result.exactMatch().value(),
                        result.exactMatch().standardError(),
                        result.tokenAccuracy().value()));
      }
      line("");
      metrics(tasks, columns);
    }
  }

  /** The tasks' own metrics: one row per metric. */
  private void metrics(Set<String> tasks, Map<String, SuiteResult> columns) {
    Map<String, Set<String>> byTask = new LinkedHashMap<>();
    for (String task : tasks) {
      for (SuiteResult column : columns.values()) {
        TaskResult result = column.tasks().get(task);
        if (result != null) {
          result
              .metrics()
              .forEach(
                  m ->
                      byTask
                          .computeIfAbsent(task, t -> new LinkedHashSet<>())
                          .add(m.metric().key()));
        }
      }
    }
    if (byTask.isEmpty()) {
      return;
    }
    line("By the tasks' metrics, with standard error; higher is better.");
    line("");
    line("| task, metric | n | " + String.join(" | ", columns.keySet()) + " |");
    line("|---|---:|" + "---:|".repeat(columns.size()));
    byTask.forEach(
        (task, metrics) ->
            metrics.forEach(
                metric ->
                    row(task + ", " + metric, columns, task, result -> cell(result, metric))));
    line("");
    line("First prompts, and the number of answers that the token limit truncated, by column.");
    line("");
    byTask.keySet().forEach(task -> prompt(task, columns));
    line("");
  }

  private void prompt(String task, Map<String, SuiteResult> columns) {
    List<TaskResult> results =
        columns.values().stream()
            .map(column -> column.tasks().get(task))
            .filter(Objects::nonNull)
            .toList();
    line(
        "- %s: %s; truncated %s"
            .formatted(
                Escape.markdown(task),
                Escape.code(results.get(0).firstPrompt()),
                results.stream()
                    .map(result -> String.valueOf(result.truncated()))
                    .collect(Collectors.joining(", "))));
  }

  private static String cell(TaskResult result, String metric) {
    return result
        .score(metric)
        .filter(score -> score.value() != null)
        .map(
            score -> {
              Double error =
                  score.clusteredStandardError() != null
                      ? score.clusteredStandardError()
                      : score.standardError();
              return String.format(Locale.ROOT, "%.3f", score.value())
                  + (error == null ? "" : String.format(Locale.ROOT, " ± %.3f", error));
            })
        .orElse("-");
  }

  /** A row of a table; scores of another protocol than the first column's are marked. */
  private void row(
      String name,
      Map<String, SuiteResult> columns,
      String task,
      Function<TaskResult, String> cell) {
    StringBuilder row = new StringBuilder();
    long n = 0;
    TaskResult first = null;
    for (Map.Entry<String, SuiteResult> column : columns.entrySet()) {
      TaskResult result = column.getValue().tasks().get(task);
      if (result == null) {
        row.append(" | -");
        continue;
      }
      n = result.examples();
      first = first == null ? result : first;
      List<String> differences = result.differencesFrom(first);
      row.append(" | ").append(cell.apply(result)).append(differences.isEmpty() ? "" : " ‡");
      if (!differences.isEmpty()) {
        notComparable.add(
            "%s, %s: %s"
                .formatted(
                    Escape.markdown(task),
                    column.getKey(),
                    Escape.markdown(String.join("; ", differences))));
      }
    }
    line("| " + Escape.markdown(name) + " | " + n + row + " |");
  }

  private void gates() {
    List<String> lines = new ArrayList<>();
    for (StageResult result : results) {
      Gates.read(folder, result.name())
          .forEach(
              verdict ->
                  lines.add(
                      "- %s: %s%s"
                          .formatted(
                              Escape.markdown(result.name()),
                              Escape.markdown(verdict.reason()),
                              verdict.holds() ? "" : " **The run stopped here.**")));
    }
    if (!lines.isEmpty()) {
      line("## Gates");
      line("");
      lines.forEach(this::line);
      line("");
    }
    if (!notComparable.isEmpty()) {
      line("## Not comparable (‡)");
      line("");
      line("Scored under another protocol than the first column of its table:");
      line("");
      notComparable.forEach(what -> line("- " + what));
      line("");
    }
  }

  private void losses() {
    line("## Training");
    line("");
    line("| stage | first loss | last loss | gradient norm | examples/s | waiting for data |");
    line("|---|---:|---:|---:|---:|---:|");
    for (StageResult result : results) {
      Path file = folder.metrics(result.name());
      if (!Files.exists(file)) {
        continue;
      }
      List<JsonNode> lines = read(file);
      lines.removeIf(l -> !l.has("parameterNorm")); // skipped steps
      if (lines.isEmpty()) {
        continue;
      }
      JsonNode last = lines.get(lines.size() - 1);
      line(
          String.format(
              Locale.ROOT,
              "| %s | %.4f | %.4f | %.3f | %s | %.1f %% |",
              link(file, result.name()),
              lines.get(0).path("loss").asDouble(),
              last.path("loss").asDouble(),
              last.path("gradientNorm").asDouble(),
              RunProgress.brief(mean(lines, "examplesPerSecond")),
              100 * mean(lines, "waitShare")));
    }
    line("");
  }

  private void notes() {
    line("## Notes");
    line("");
    for (StageResult result : results) {
      for (String note : result.notes()) {
        line("- " + Escape.markdown(result.name() + ": " + note));
      }
    }
  }

  private static double mean(List<JsonNode> lines, String field) {
    return lines.stream().mapToDouble(l -> l.path(field).asDouble()).average().orElse(0);
  }

  private static List<JsonNode> read(Path file) {
    try {
      List<JsonNode> nodes = new ArrayList<>();
      for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        nodes.add(Json.STRICT.readTree(line));
      }
      return nodes;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private String link(Path file) {
    return link(file, file.getFileName().toString());
  }

  private String link(Path file, String name) {
    return "[%s](%s)"
        .formatted(Escape.markdown(name), Escape.link(folder.root().relativize(file).toString()));
  }

  private void line(String text) {
    out.append(text).append('\n');
  }
}
