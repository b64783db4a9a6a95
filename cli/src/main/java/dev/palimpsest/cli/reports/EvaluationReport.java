package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Published;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.TaskResult.Measured;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Results of {@code eval}: {@code results.json} for programs, {@code results.md} for people.
 * Undefined numbers are left out of the former and are dashes in the latter.
 */
public final class EvaluationReport {
  private static final ObjectMapper JSON =
      Json.STRICT.copy().setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL);

  private final Map<String, Object> facts;
  private final int resolution;
  private final Map<String, TaskResult> results = new LinkedHashMap<>();
  private final Map<String, TaskResult> baseline;

  /**
   * Creates a report without results.
   *
   * @param facts about the model and the run
   * @param resolution selects the paper's score for comparison
   * @param baseline another evaluation's results to compare with; may be empty
   */
  public EvaluationReport(
      Map<String, Object> facts, int resolution, Map<String, TaskResult> baseline) {
    this.facts = new LinkedHashMap<>(facts);
    this.resolution = resolution;
    this.baseline = baseline;
  }

  public void add(String task, TaskResult result) {
    results.put(task, result);
  }

  /** Tasks of a results file by name. */
  public static Map<String, TaskResult> read(Path file) throws IOException {
    Map<String, TaskResult> tasks = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, JsonNode> task :
          Json.STRICT.readTree(file.toFile()).path("tasks").properties()) {
        if (task.getValue().deepCopy() instanceof ObjectNode result) {
          result.remove(List.of("published", "baseline"));
          tasks.put(task.getKey(), JSON.convertValue(result, TaskResult.class));
        }
      }
    } catch (JsonProcessingException | IllegalArgumentException e) {
      throw new UserMistake(
          file
              + " is not the results.json of an evaluation: "
              + String.valueOf(e.getMessage()).split("\n", 2)[0]);
    }
    if (tasks.isEmpty()) {
      throw new UserMistake(file + " has no results: expected the results.json of an evaluation");
    }
    return tasks;
  }

  public String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.set("evaluation", JSON.valueToTree(facts));
    ObjectNode tasks = root.putObject("tasks");
    results.forEach(
        (name, result) -> {
          ObjectNode node = tasks.putObject(name);
          node.setAll((ObjectNode) JSON.valueToTree(result));
          for (Row row : rows(result)) {
            if (row.published != null) {
              ObjectNode published = node.withArray("published").addObject();
              published.put("row", row.published.row()).put("paper", row.published.paper());
              if (row.paper != null) {
                published.put("score", row.paper);
              }
              if (row.difference() != null) {
                published.put("difference", row.difference());
              }
              if (row.published.split() != null) {
                published.put("split", row.published.split());
              }
            }
          }
          comparison(name, result).forEach(line -> node.withArray("baseline").add(line));
        });
    return root.toPrettyString() + "\n";
  }

  /**
   * A line of the table.
   *
   * @param value in the metric's units
   * @param paper the paper's value at this resolution, in its units (100 times the metric's)
   */
  private record Row(
      MetricScore score,
      String quantity,
      @Nullable Double value,
      @Nullable Published published,
      @Nullable Double paper) {
    @Nullable Double difference() {
      return paper == null || value == null ? null : 100 * value - paper;
    }
  }

  /** The headline value of each metric; for the first also the values that a paper quotes. */
  private List<Row> rows(TaskResult result) {
    List<Row> rows = new ArrayList<>();
    boolean first = true;
    for (MetricScore score : result.metrics()) {
      boolean quoted = false;
      List<Published> all =
          first && result.benchmark() != null ? published(result.benchmark()) : List.of();
      for (Published published : all) {
        String quantity = published.quantity() == null ? score.quantity() : published.quantity();
        quoted |= quantity.equals(score.quantity());
        rows.add(
            new Row(
                score,
                quantity,
                quantity.equals(score.quantity()) ? score.value() : score.values().get(quantity),
                published,
                published.at(resolution)));
      }
      if (!quoted) {
        rows.add(new Row(score, score.quantity(), score.value(), null, null));
      }
      first = false;
    }
    return rows;
  }

  private static List<Published> published(String benchmark) {
    return Benchmarks.index().benchmarks().contains(benchmark)
        ? Benchmarks.find(benchmark).published()
        : List.of();
  }

  public String toMarkdown() {
    StringBuilder out = new StringBuilder("# Evaluation\n\n");
    facts.forEach(
        (name, value) ->
            out.append("- %s: %s\n".formatted(name, Escape.markdown(String.valueOf(value)))));
    out.append(
        "\n"
            + "| task | v | metric | quantity | | value | ± | 95 % interval | n | cut off |"
            + " unreadable | paper | difference |\n");
    out.append("|---|---:|---|---|---|---:|---:|---|---:|---:|---:|---:|---:|\n");
    boolean otherSplit = false;
    for (Map.Entry<String, TaskResult> entry : results.entrySet()) {
      TaskResult result = entry.getValue();
      for (Row row : rows(result)) {
        MetricScore score = row.score;
        boolean headline = row.quantity.equals(score.quantity());
        boolean other = row.published != null && row.published.split() != null && row.paper != null;
        otherSplit |= other;
        Double error =
            score.clusteredStandardError() != null
                ? score.clusteredStandardError()
                : score.standardError();
        out.append(
            "| %s | %s | %s | %s | ↑ | %s | %s | %s | %s | %d | %d | %s | %s |\n"
                .formatted(
                    Escape.markdown(entry.getKey()),
                    result.protocol().getOrDefault("task", "").replaceFirst("^.* v(\\d+)'?$", "$1"),
                    score.metric(),
                    row.quantity,
                    number(row.value, "%.4f"),
                    headline ? number(error, "%.4f") : "-",
                    headline && score.low() != null && score.high() != null
                        ? "%s to %s"
                            .formatted(number(score.low(), "%.4f"), number(score.high(), "%.4f"))
                        : "-",
                    headline ? Long.toString(score.n()) : "-",
                    result.truncated(),
                    score.parseFailures(),
                    row.paper == null ? "-" : number(row.paper, "%.1f") + (other ? " †" : ""),
                    number(row.difference(), "%+.1f")));
      }
      if (result.metrics().isEmpty()) {
        out.append(
            "| %s |  | predictions alone |  |  | - | - | - | %d | %d | - | - | - |\n"
                .formatted(Escape.markdown(entry.getKey()), result.examples(), result.truncated()));
      }
    }
    out.append(
        "\n± is the standard error, clustered by picture where examples share pictures. The paper's"
            + " values and the difference are 100 times the metric's units.\n");
    if (otherSplit) {
      out.append("† The paper scored another split: see results.json.\n");
    }
    likelihoods(out);
    out.append("\n## First prompts\n\n");
    results.forEach(
        (name, result) ->
            out.append(
                "- %s: %s\n".formatted(Escape.markdown(name), Escape.code(result.firstPrompt()))));
    StringBuilder notes = new StringBuilder();
    results.forEach(
        (name, result) ->
            result
                .notes()
                .forEach(
                    note -> notes.append("- %s\n".formatted(Escape.markdown(name + ": " + note)))));
    if (notes.length() > 0) {
      out.append("\n## Notes\n\n").append(notes);
    }
    StringBuilder compared = new StringBuilder();
    results.forEach(
        (name, result) ->
            comparison(name, result)
                .forEach(
                    line ->
                        compared.append("- %s\n".formatted(Escape.markdown(name + ": " + line)))));
    if (compared.length() > 0) {
      out.append("\n## Compared with the baseline\n\n").append(compared);
    }
    return out.toString();
  }

  private void likelihoods(StringBuilder out) {
    StringBuilder lines = new StringBuilder();
    results.forEach(
        (name, result) ->
            result
                .measured("perplexity")
                .ifPresent(
                    perplexity ->
                        lines.append(
                            "| %s | %s | %s ± %s |\n"
                                .formatted(
                                    Escape.markdown(name),
                                    number(
                                        result.measured("loss").map(Measured::value).orElse(null),
                                        "%.4f"),
                                    number(perplexity.value(), "%.3f"),
                                    number(perplexity.error(), "%.3f")))));
    if (lines.length() > 0) {
      out.append(
              "\n## Likelihood of the references\n\n| task | loss | perplexity |\n|---|---:|---:|\n")
          .append(lines)
          .append(
              "\nThe loss is a mean over examples, the perplexity over tokens. Lower is better.\n");
    }
  }

  /** Compares a task with the baseline; scores with other protocols are not compared. */
  private List<String> comparison(String name, TaskResult result) {
    TaskResult other = baseline.get(name);
    if (other == null) {
      return baseline.isEmpty() ? List.of() : List.of("the baseline has no such task");
    }
    List<String> differences = result.differencesFrom(other);
    if (!differences.isEmpty()) {
      return List.of("not comparable, the protocols differ: " + String.join("; ", differences));
    }
    List<String> lines = new ArrayList<>();
    for (MetricScore score : result.metrics()) {
      MetricScore before =
          other.metrics().stream()
              .filter(s -> s.protocol().equals(score.protocol()))
              .findFirst()
              .orElse(null);
      if (before == null || before.value() == null || score.value() == null) {
        lines.add(score.metric() + ": not in the baseline");
      } else {
        lines.add(
            "%s: %s against %s, %s"
                .formatted(
                    score.metric(),
                    number(score.value(), "%.4f"),
                    number(before.value(), "%.4f"),
                    number(score.value() - before.value(), "%+.4f")));
      }
    }
    return lines;
  }

  private static String number(@Nullable Double value, String format) {
    return value == null ? "-" : String.format(Locale.ROOT, format, value);
  }
}
