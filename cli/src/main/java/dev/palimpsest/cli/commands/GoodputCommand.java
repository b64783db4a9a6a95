package dev.palimpsest.cli.commands;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.goodput.Failures;
import dev.palimpsest.stages.goodput.Goodput;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest goodput}: where a run's time went, or would go on machines that fail. */
@Command(
    name = "goodput",
    mixinStandardHelpOptions = true,
    description = {
      "With a run folder: what the time of all its processes was spent on.",
      "With --gpus: simulates a run on machines that fail, for several checkpoint intervals, and finds the best one."
    })
public final class GoodputCommand implements Callable<Integer> {
  /** A run of this many mean times between failures is simulated. */
  private static final int FAILURES = 5000;

  private static final double[] AROUND = {0.25, 0.5, 1, 2, 4};

  @Spec CommandSpec spec;

  @Parameters(index = "0", arity = "0..1", paramLabel = "RUN", description = "A run folder.")
  @Nullable Path run;

  @Option(names = "--json", description = "Prints a JSON object.")
  boolean json;

  @Option(names = "--gpus", paramLabel = "N", description = "Number of GPUs.")
  @Nullable Integer gpus;

  @Option(
      names = "--mttf-hours",
      paramLabel = "H",
      defaultValue = "50000",
      description =
          "Mean time to failure of a GPU with its share of the machine. Meta's Llama 3 report has 419 unexpected stops of 16384 GPUs in 54 days: one in 50000 GPU hours. Default: ${DEFAULT-VALUE}.")
  double hours = 50_000;

  @Option(
      names = "--save-seconds",
      paramLabel = "S",
      defaultValue = "30",
      description =
          "How long a save stops training (checkpointStallSeconds in metrics.jsonl). Default: ${DEFAULT-VALUE}.")
  double save = 30;

  @Option(
      names = "--restart-seconds",
      paramLabel = "S",
      defaultValue = "600",
      description = "From a failure to the first step after it. Default: ${DEFAULT-VALUE}.")
  double restart = 600;

  @Option(
      names = "--interval-seconds",
      paramLabel = "S",
      description = "Seconds of training between saves, to compare with the best.")
  @Nullable Double interval;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Random seed of the failures. Default: ${DEFAULT-VALUE}.")
  long seed = 1;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if ((run == null) == (gpus == null)) {
      throw new UserMistake("give a run folder, or --gpus for a simulation");
    }
    if (run != null) {
      Path ledger = run.resolve("goodput.jsonl");
      if (!Files.isRegularFile(ledger)) {
        throw new UserMistake("%s is not a run folder with a goodput.jsonl".formatted(run));
      }
      Goodput goodput = Goodput.read(ledger);
      if (json) {
        out.print(Json.indented(goodput));
      } else {
        goodput.table().forEach(out::println);
      }
    } else if (gpus != null) {
      simulate(gpus, out);
    }
    return ExitCode.DONE.code();
  }

  private void simulate(int number, PrintWriter out) {
    Failures failures;
    try {
      failures = new Failures(number, hours, save, restart);
    } catch (IllegalArgumentException e) {
      throw new UserMistake(String.valueOf(e.getMessage()));
    }
    if (interval != null && !(interval > 0)) {
      throw new UserMistake("--interval-seconds must be above 0, got " + interval);
    }
    double work = FAILURES * failures.meanSeconds();
    double best = failures.best(work, seed);
    if (json) {
      out.print(json(failures, best, work));
      return;
    }
    out.printf(
        Locale.ROOT,
        "%d GPUs of %,.0f hours to failure: one failure in %s; saves of %.0f s, restarts of %.0f s%n",
        number,
        hours,
        time(failures.meanSeconds()),
        save,
        restart);
    out.println("save every  goodput  saving   lost   restarting");
    for (double factor : AROUND) {
      line(failures, factor * best, work, factor == 1 ? "  best" : "", out);
    }
    if (interval != null) {
      line(failures, interval, work, "  --interval-seconds", out);
    }
    out.printf("Daly's formula: %s, Young's: %s%n", time(failures.daly()), time(failures.young()));
  }

  private String json(Failures failures, double best, double work) {
    ObjectNode root = Json.STRICT.createObjectNode();
    root.putPOJO("machines", failures);
    root.put("secondsToFailure", failures.meanSeconds());
    root.put("bestIntervalSeconds", best);
    root.put("dalySeconds", failures.daly());
    root.put("youngSeconds", failures.young());
    ArrayNode outcomes = root.putArray("intervals");
    Stream.concat(
            Arrays.stream(AROUND).mapToObj(factor -> factor * best), Stream.ofNullable(interval))
        .forEach(
            every ->
                outcomes
                    .addObject()
                    .put("seconds", every)
                    .putPOJO("shares", failures.simulate(every, work, seed)));
    return Json.indented(root);
  }

  private void line(Failures failures, double every, double work, String note, PrintWriter out) {
    Failures.Outcome outcome = failures.simulate(every, work, seed);
    out.printf(
        Locale.ROOT,
        "%10s  %5.2f %%  %5.2f %%  %5.2f %%  %5.2f %%%s%n",
        time(every),
        100 * outcome.useful(),
        100 * outcome.saving(),
        100 * outcome.lost(),
        100 * outcome.restarting(),
        note);
  }

  private static String time(double seconds) {
    long whole = Math.round(seconds);
    return String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }
}
