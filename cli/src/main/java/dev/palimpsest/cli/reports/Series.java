package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.html.Plot;
import dev.palimpsest.cli.reports.RunData.StageData;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** Values of a run's steps over the examples of all its stages. */
final class Series {
  private final RunData run;

  Series(RunData run) {
    this.run = run;
  }

  /** The loss of each stage, smoothed. */
  List<double[]> smoothedLoss() {
    List<double[]> smooth = new ArrayList<>();
    for (int i = 0; i < run.stages().size(); i++) {
      gap(smooth, i);
      smooth.addAll(Plot.smoothed(points(run.stages().get(i), "loss", run.before(i))));
    }
    return smooth;
  }

  static double number(JsonNode line, String field) {
    return line.has(field) ? line.path(field).asDouble() : Double.NaN;
  }

  static List<double[]> points(StageData stage, String field, long before) {
    return stage.metrics().stream()
        .map(line -> new double[] {before + line.path("examples").asLong(), number(line, field)})
        .toList();
  }

  /** No line leads from one stage to the next. */
  private void gap(List<double[]> points, int stage) {
    if (!points.isEmpty()) {
      points.add(new double[] {run.before(stage), Double.NaN});
    }
  }

  List<double[]> joined(ToDoubleFunction<JsonNode> value) {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < run.stages().size(); i++) {
      gap(points, i);
      long before = run.before(i);
      for (JsonNode line : run.stages().get(i).metrics()) {
        points.add(
            new double[] {before + line.path("examples").asLong(), value.applyAsDouble(line)});
      }
    }
    return points;
  }

  List<double[]> joined(Function<JsonNode, JsonNode> of, String name) {
    return joined(line -> number(of.apply(line), name));
  }

  /** The same, smoothed within each stage. */
  List<double[]> smoothed(ToDoubleFunction<JsonNode> value) {
    return smoothedByStage(joined(value));
  }

  /** Steps without the task leave no gap. */
  List<double[]> byTask(String task) {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < run.stages().size(); i++) {
      long before = run.before(i);
      gap(points, i);
      points.addAll(
          Plot.smoothed(
              run.stages().get(i).metrics().stream()
                  .filter(line -> line.path("tasks").path(task).has("meanLoss"))
                  .map(
                      line ->
                          new double[] {
                            before + line.path("examples").asLong(),
                            line.path("tasks").path(task).path("meanLoss").asDouble()
                          })
                  .toList()));
    }
    return points;
  }

  static List<double[]> smoothedByStage(List<double[]> points) {
    List<double[]> smooth = new ArrayList<>();
    int from = 0;
    for (int i = 0; i <= points.size(); i++) {
      if (i == points.size() || Double.isNaN(points.get(i)[1])) {
        smooth.addAll(Plot.smoothed(points.subList(from, i)));
        if (i < points.size()) {
          smooth.add(points.get(i));
        }
        from = i + 1;
      }
    }
    return smooth;
  }

  /** Names within a field of all lines, numbered. */
  Map<String, Integer> keys(String field) {
    Map<String, Integer> keys = new LinkedHashMap<>();
    for (StageData stage : run.stages()) {
      for (JsonNode line : stage.metrics()) {
        line.path(field).fieldNames().forEachRemaining(name -> keys.putIfAbsent(name, keys.size()));
      }
    }
    return keys;
  }
}
