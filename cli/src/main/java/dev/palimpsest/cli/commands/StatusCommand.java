package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.runs.RunSummary;
import dev.palimpsest.cli.runs.Runs;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest status}: the runs in a folder and how they fare. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = {
      "Lists runs: alive or not and why, how far, how fast, time left, loss, last scores, disk.",
      "A score is the mean over a suite's tasks of their first metric, or of exact match."
    })
public final class StatusCommand implements Runnable {
  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "A run folder or one that holds some. Default: ${DEFAULT-VALUE}.")
  Path folder;

  @Option(names = "--json", description = "Prints a JSON array.")
  boolean json;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    List<RunSummary> summaries = new ArrayList<>();
    for (Path run : Runs.in(folder)) {
      try {
        summaries.add(RunSummary.of(run));
      } catch (InvalidConfigException unreadable) {
        spec.commandLine()
            .getErr()
            .println(run + ": cannot be read: " + unreadable.problems().get(0).message());
      }
    }
    if (json) {
      out.println(Json.indented(summaries));
    } else if (summaries.isEmpty()) {
      out.println("no runs in " + folder);
    } else {
      summaries.forEach(summary -> print(out, summary));
    }
  }

  private void print(PrintWriter out, RunSummary run) {
    Path root = folder.toAbsolutePath().normalize();
    Path place = Path.of(run.folder());
    String name =
        place.equals(root) ? String.valueOf(root.getFileName()) : root.relativize(place).toString();
    out.printf(
        Locale.ROOT,
        "%-24s %-8s %s  %s%n",
        Escape.line(name),
        run.state(),
        run.stage().isEmpty()
            ? "not begun"
            : "%s, %,d of %,d examples (%d %%)"
                .formatted(
                    Escape.line(run.stage()),
                    run.stageExamples(),
                    run.stageTotal(),
                    run.stageTotal() == 0 ? 100 : 100 * run.stageExamples() / run.stageTotal()),
        Runs.size(run.bytes()));
    List<String> facts = new ArrayList<>();
    if (!run.why().isEmpty()) {
      facts.add(Escape.line(run.why()));
    }
    if (run.loss() != null) {
      facts.add(String.format(Locale.ROOT, "loss %.4f", run.loss()));
    }
    if (run.examplesPerSecond() != null) {
      facts.add(RunProgress.brief(run.examplesPerSecond()) + " examples/s");
    }
    if (run.secondsLeft() != null) {
      facts.add(RunProgress.clock(run.secondsLeft()) + " left in this stage");
    }
    for (Map.Entry<String, Double> score : run.scores().entrySet()) {
      facts.add(
          String.format(
              Locale.ROOT,
              "%s %.3f (%s)",
              Escape.line(score.getKey()),
              score.getValue(),
              Escape.line(run.scored())));
    }
    facts.forEach(fact -> out.println("  " + fact));
  }
}
