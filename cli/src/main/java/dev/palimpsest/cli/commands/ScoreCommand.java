package dev.palimpsest.cli.commands;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.metrics.Bootstrap;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.Predictions;
import dev.palimpsest.eval.metrics.ScoreReport;
import dev.palimpsest.eval.metrics.registry.Metrics;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest score}: scores saved predictions, without a model. */
@Command(
    name = "score",
    mixinStandardHelpOptions = true,
    description = "Scores saved predictions with a variant of a metric. No model is needed.")
public final class ScoreCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "PREDICTIONS",
      description = {
        "JSON lines: id, prediction, references (or in --references) and fields; or what VQA,"
            + " COCO,",
        "big_vision and lmms-eval write."
      })
  @Nullable Path predictions;

  @Option(
      names = "--references",
      paramLabel = "FILE",
      description = "JSON lines with id, references and fields, joined with the predictions by id.")
  @Nullable Path references;

  @Option(
      names = "--format",
      paramLabel = "coco|vqa|lmms_eval",
      description =
          "The format that the predictions must have. Default: any known one, recognised by its keys.")
  @Nullable String format;

  @Option(
      names = "--metric",
      paramLabel = "NAME[:VARIANT]",
      description =
          "A metric or benchmark, such as vqa, vqa:big_vision, cider or docvqa. May be given several times.")
  List<String> metrics = List.of();

  @Mixin JsonOption json;

  @Option(
      names = "--cluster",
      paramLabel = "FIELD",
      description =
          "Field that groups examples, such as image_id: standard error and interval are then clustered by it.")
  @Nullable String cluster;

  @Option(
      names = "--resamples",
      defaultValue = "1000",
      description = "Number of bootstrap resamples for the interval. Default: ${DEFAULT-VALUE}.")
  int resamples;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Seed of the resamples. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(names = "--list", description = "Prints every metric with what it needs, and ends.")
  boolean list;

  @Override
  public Integer call() throws IOException {
    if (list) {
      list();
    } else {
      score();
    }
    return ExitCode.DONE.code();
  }

  private void list() {
    PrintWriter out = spec.commandLine().getOut();
    for (Metric metric : Metrics.all()) {
      out.printf("%-36s v%d  %s%n", metric.id().key(), metric.id().version(), metric.needs());
    }
  }

  private void score() throws IOException {
    if (predictions == null || metrics.isEmpty()) {
      throw new UserMistake(
          "expected PREDICTIONS and --metric NAME[:VARIANT]; --list shows the metrics");
    }
    if (resamples < 2) {
      throw new UserMistake("--resamples must be at least 2, got " + resamples);
    }
    // Names of metrics are looked up before any file is read.
    List<Metric> chosen = metrics.stream().map(Benchmarks::metric).toList();
    if (format != null) {
      Predictions.requireShape(format, predictions);
    }
    List<MetricRecord> records =
        references == null
            ? Predictions.read(predictions)
            : Predictions.read(predictions, references);
    Bootstrap bootstrap = new Bootstrap(resamples, seed, Bootstrap.STANDARD.level());
    ObjectNode file = Json.STRICT.createObjectNode();
    file.put("predictions", predictions.toString());
    ArrayNode scores = file.putArray("scores");
    for (Metric metric : chosen) {
      ScoreReport report = ScoreReport.of(metric.score(records), clusters(records), bootstrap);
      json.table(spec).print(report.toText());
      scores.add(report.toJson());
    }
    json.tell(spec, file);
  }

  private Map<String, String> clusters(List<MetricRecord> records) {
    String field = cluster;
    if (field == null) {
      return Map.of();
    }
    Map<String, String> clusters = new HashMap<>();
    for (MetricRecord record : records) {
      clusters.put(
          record.id(),
          record
              .text(field)
              .orElseThrow(
                  () ->
                      new UserMistake(
                          "--cluster: record %s has no field \"%s\"; it has %s"
                              .formatted(record.id(), field, record.fields().keySet()))));
    }
    return clusters;
  }
}
