package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Plot;
import java.util.List;
import java.util.Map;

/** What a run logged of its steps, drawn over the examples of all stages. */
final class TrainingPlots {
  private static final double GIGABYTE = 1e9;

  private final RunData run;
  private final Series series;

  private TrainingPlots(RunData run) {
    this.run = run;
    this.series = new Series(run);
  }

  static String of(RunData run) {
    return new TrainingPlots(run).html();
  }

  private String html() {
    Plot loss = plot("Loss", "nats per token", Plot.Axis.FITTED);
    Plot tasks = plot("Loss by task, smoothed", "nats per token", Plot.Axis.FITTED);
    Plot rates = plot("Learning rate by group", "", Plot.Axis.FROM_ZERO);
    Plot norms = plot("Gradient norm before clipping", "", Plot.Axis.LOGARITHMIC);
    Plot speed = plot("Throughput", "examples/s", Plot.Axis.FROM_ZERO);
    Plot tokens = plot("Tokens, without padding", "tokens/s", Plot.Axis.FROM_ZERO);
    Plot waiting = plot("Waiting for data", "% of a step", Plot.Axis.FROM_ZERO);
    Plot mfu = plot("Model FLOPs utilization", "% of peak", Plot.Axis.FROM_ZERO);
    Plot memory = plot("Memory", "GB", Plot.Axis.FROM_ZERO);

    loss.add("each step", Plot.Style.FAINT, 0, series.joined(line -> Series.number(line, "loss")));
    loss.add("smoothed", Plot.Style.STRONG, 0, series.smoothedLoss());
    series
        .keys("tasks")
        .forEach((name, colour) -> tasks.add(name, Plot.Style.PLAIN, colour, series.byTask(name)));
    Map<String, Integer> groups = series.keys("learningRate");
    groups.forEach(
        (name, colour) ->
            rates.add(
                name,
                Plot.Style.STRONG,
                colour,
                series.joined(line -> line.path("learningRate"), name)));
    norms.add(
        "all", Plot.Style.FAINT, 0, series.joined(line -> Series.number(line, "gradientNorm")));
    series
        .keys("gradientNorms")
        .forEach(
            (name, colour) ->
                norms.add(
                    name,
                    Plot.Style.PLAIN,
                    groups.getOrDefault(name, colour),
                    Series.smoothedByStage(
                        series.joined(line -> line.path("gradientNorms"), name))));
    speed.add(
        "examples/s",
        Plot.Style.STRONG,
        0,
        series.joined(line -> Series.number(line, "examplesPerSecond")));
    tokens.add(
        "tokens/s",
        Plot.Style.STRONG,
        0,
        series.joined(line -> Series.number(line, "tokensPerSecond")));
    waiting.add(
        "waiting",
        Plot.Style.STRONG,
        1,
        series.joined(line -> 100 * Series.number(line, "waitShare")));
    mfu.add("MFU", Plot.Style.STRONG, 0, series.joined(line -> 100 * Series.number(line, "mfu")));
    memory.add(
        "process",
        Plot.Style.STRONG,
        0,
        series.joined(line -> Series.number(line, "memoryBytes") / GIGABYTE));
    memory.add(
        "Java heap",
        Plot.Style.PLAIN,
        1,
        series.joined(line -> Series.number(line, "heapBytes") / GIGABYTE));
    memory.add(
        "GPU",
        Plot.Style.PLAIN,
        2,
        series.joined(line -> Series.number(line, "gpuMemoryBytes") / GIGABYTE));

    if (loss.isEmpty()) {
      return "<p class=\"lead\">No step has been logged.</p>\n";
    }
    StringBuilder out = new StringBuilder(loss.html());
    if (!tasks.isEmpty()) {
      out.append(tasks.html());
    }
    out.append("<div class=\"two\">\n");
    for (Plot plot : List.of(rates, norms, speed, tokens, waiting, mfu, memory)) {
      if (!plot.isEmpty()) {
        out.append(plot.html());
      }
    }
    return out.append("</div>\n").toString();
  }

  private Plot plot(String title, String unit, Plot.Axis axis) {
    Plot plot = new Plot(title, unit, axis);
    for (int i = 0; i < run.stages().size(); i++) {
      if (!run.stages().get(i).metrics().isEmpty()) {
        plot.bound((double) run.before(i), run.stages().get(i).config().name());
      }
    }
    return plot;
  }
}
