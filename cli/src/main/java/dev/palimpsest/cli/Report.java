package dev.palimpsest.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.stages.RunFolder;
import dev.palimpsest.stages.StageResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code report.md}: what a run did, stage by stage, for a person to read. */
final class Report {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunFolder folder;
  private final PipelineConfig recipe;
  private final List<StageResult> results;
  private final StringBuilder out = new StringBuilder();

  private Report(RunFolder folder, PipelineConfig recipe, List<StageResult> results) {
    this.folder = folder;
    this.recipe = recipe;
    this.results = results;
  }

  /** Writes the report and returns its path. */
  static Path write(RunFolder folder, PipelineConfig recipe, List<StageResult> results) {
    Report report = new Report(folder, recipe, results);
    report.head();
    report.stages();
    report.scores();
    report.losses();
    report.notes();
    Path file = folder.root().resolve("report.md");
    RunFolder.writeText(file, report.out.toString());
    return file;
  }

  private void head() {
    line("# " + recipe.name());
    line("");
    if (!recipe.description().isEmpty()) {
      line(recipe.description().strip());
      line("");
    }
    line(
        "Recipe: [recipe.yaml](recipe.yaml). Machine and software: [environment.json](environment.json).");
    line("");
  }

  private void stages() {
    line("## Stages");
    line("");
    line(
        "| stage | resolution | image tokens | text tokens | examples | updates | precision | seconds | exports |");
    line("|---|---:|---:|---:|---:|---:|---|---:|---|");
    for (int i = 0; i < results.size(); i++) {
      StageConfig stage = recipe.stages().get(i);
      StageResult result = results.get(i);
      List<String> exports = new ArrayList<>();
      result.exports().forEach(e -> exports.add(link(e)));
      line(
          "| %s | %d | %d | %d | %d | %d | %s | %.1f | %s |"
              .formatted(
                  stage.name(),
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

  /** One table a suite: a row a task, a column a stage and moment. */
  private void scores() {
    for (String suite : recipe.suites().keySet()) {
      Map<String, SuiteResult> columns = new LinkedHashMap<>();
      for (StageResult result : results) {
        result
            .scores()
            .forEach(
                (moment, suites) -> {
                  if (suites.containsKey(suite)) {
                    columns.put(result.name() + " " + moment, suites.get(suite));
                  }
                });
      }
      if (columns.isEmpty()) {
        continue;
      }
      line("## Scores: " + suite);
      line("");
      line(
          "Exact match of the greedy answer, with its standard error; in brackets the token accuracy.");
      line("");
      line("| task | n | " + String.join(" | ", columns.keySet()) + " |");
      line("|---|---:|" + "---:|".repeat(columns.size()));
      for (String task : recipe.suites().get(suite).tasks().keySet()) {
        StringBuilder row = new StringBuilder();
        long n = 0;
        for (SuiteResult column : columns.values()) {
          TaskResult result = column.tasks().get(task);
          if (result == null) {
            row.append(" | -");
            continue;
          }
          n = result.examples();
          row.append(
              String.format(
                  Locale.ROOT,
                  " | %.3f ± %.3f (%.3f)",
                  result.exactMatch().value(),
                  result.exactMatch().standardError(),
                  result.tokenAccuracy().value()));
        }
        line("| " + task + " | " + n + row + " |");
      }
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
              "| %s | %.4f | %.4f | %.3f | %.1f | %.1f %% |",
              link(file, result.name()),
              lines.get(0).path("loss").asDouble(),
              last.path("loss").asDouble(),
              last.path("gradientNorm").asDouble(),
              mean(lines, "examplesPerSecond"),
              100 * mean(lines, "waitShare")));
    }
    line("");
  }

  private void notes() {
    line("## Notes");
    line("");
    for (StageResult result : results) {
      for (String note : result.notes()) {
        line("- " + result.name() + ": " + note);
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
        nodes.add(JSON.readTree(line));
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
    return "[" + name + "](" + folder.root().relativize(file) + ")";
  }

  private void line(String text) {
    out.append(text).append('\n');
  }
}
