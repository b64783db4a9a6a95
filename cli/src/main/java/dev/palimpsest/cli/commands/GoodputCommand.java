package dev.palimpsest.cli.commands;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.ClusterConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.goodput.Failures;
import dev.palimpsest.stages.goodput.Goodput;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
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
      "With a recipe, or --gpus: simulates a run on machines that fail, for several checkpoint intervals, and finds the best one."
          + " The machines are the recipe's 'cluster', and its stages' checkpoint.everyMinutes are judged as well."
    })
public final class GoodputCommand implements Callable<Integer> {
  /** A run of this many mean times between failures is simulated. */
  private static final int FAILURES = 5000;

  private static final double[] AROUND = {0.25, 0.5, 1, 2, 4};

  /** Options that stand for the keys of a {@code cluster}. */
  private static final Map<String, String> OPTIONS =
      Map.of(
          "gpus", "--gpus",
          "hoursToFailure", "--mttf-hours",
          "saveSeconds", "--save-seconds",
          "restartSeconds", "--restart-seconds");

  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "RUN|RECIPE",
      description = "A run folder, or a recipe, a YAML file.")
  @Nullable Path source;

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      description = {
        "Replaces one value of the recipe. May be given several times.",
        "Example: --set cluster.saveSeconds=12"
      })
  List<String> sets = List.of();

  @Option(names = "--json", description = "Prints a JSON object.")
  boolean json;

  @Option(
      names = "--gpus",
      paramLabel = "N",
      description = "Number of GPUs. Default: the recipe's cluster.gpus.")
  @Nullable Integer gpus;

  @Option(
      names = "--mttf-hours",
      paramLabel = "H",
      description =
          "Mean time to failure of a GPU with its share of the machine. Meta's Llama 3 report has 419 unexpected stops of 16384 GPUs in 54 days: one in 50000 GPU hours."
              + " Default: the recipe's cluster.hoursToFailure, or "
              + ClusterConfig.HOURS_TO_FAILURE
              + ".")
  @Nullable Double hours;

  @Option(
      names = "--save-seconds",
      paramLabel = "S",
      description =
          "How long a save stops training (checkpointStallSeconds in metrics.jsonl)."
              + " Default: the recipe's cluster.saveSeconds, or "
              + ClusterConfig.SAVE_SECONDS
              + ".")
  @Nullable Double save;

  @Option(
      names = "--restart-seconds",
      paramLabel = "S",
      description =
          "From a failure to the first step after it."
              + " Default: the recipe's cluster.restartSeconds, or "
              + ClusterConfig.RESTART_SECONDS
              + ".")
  @Nullable Double restart;

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

  /**
   * A checkpoint interval that is simulated.
   *
   * @param seconds of training between saves
   * @param note what is said of it in the table, may be empty
   * @param stages of the recipe that save so
   */
  private record Interval(double seconds, String note, List<String> stages) {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (source == null && gpus == null) {
      throw new UserMistake("give a run folder, a recipe with a 'cluster', or --gpus");
    }
    if (source == null && !sets.isEmpty()) {
      throw new UserMistake("--set changes a value of a recipe; give the recipe as well");
    }
    if (source != null && Files.isDirectory(source)) {
      show(source, out);
    } else {
      PipelineConfig recipe =
          source == null
              ? null
              : Recipes.bind(
                  source, sets, Map.of("run", Path.of("runs").toAbsolutePath().toString()));
      simulate(new Failures(machines(recipe)), recipe, out);
    }
    return ExitCode.DONE.code();
  }

  private void show(Path run, PrintWriter out) {
    Path ledger = run.resolve("goodput.jsonl");
    if (!Files.isRegularFile(ledger)) {
      throw new UserMistake("%s is not a run folder with a goodput.jsonl".formatted(run));
    }
    if (gpus != null || !sets.isEmpty()) {
      throw new UserMistake(
          "%s is a run, whose time is shown; --gpus and --set simulate one: give a recipe, such as %s"
              .formatted(run, run.resolve("recipe.yaml")));
    }
    Goodput goodput = Goodput.read(ledger);
    if (json) {
      out.print(Json.indented(goodput));
    } else {
      goodput.table().forEach(out::println);
    }
  }

  // ---- Simulation

  private ClusterConfig machines(@Nullable PipelineConfig recipe) {
    ClusterConfig cluster = recipe == null ? null : recipe.cluster();
    if (cluster == null && gpus == null) {
      throw new UserMistake(
          "%s has no 'cluster'; write there, for example, 'cluster: {gpus: 256}', or give --gpus 256"
              .formatted(source));
    }
    try {
      if (cluster == null) {
        cluster = ClusterConfig.of(Objects.requireNonNull(gpus));
      }
      return new ClusterConfig(
          gpus != null ? gpus : cluster.gpus(),
          hours != null ? hours : cluster.hoursToFailure(),
          save != null ? save : cluster.saveSeconds(),
          restart != null ? restart : cluster.restartSeconds());
    } catch (InvalidConfigException e) {
      throw new UserMistake(
          e.problems().stream()
              .map(problem -> OPTIONS.get(problem.path()) + " " + problem.message())
              .collect(Collectors.joining("; ")));
    }
  }

  private void simulate(Failures failures, @Nullable PipelineConfig recipe, PrintWriter out) {
    if (interval != null && !(interval > 0)) {
      throw new UserMistake("--interval-seconds must be above 0, got " + interval);
    }
    double work = FAILURES * failures.meanSeconds();
    double best = failures.best(work, seed);
    List<Interval> intervals = new ArrayList<>();
    String noteOfBest = recipe == null ? "  best" : "  best: everyMinutes " + minutes(best);
    for (double factor : AROUND) {
      intervals.add(new Interval(factor * best, factor == 1 ? noteOfBest : "", List.of()));
    }
    if (interval != null) {
      intervals.add(new Interval(interval, "  --interval-seconds", List.of()));
    }
    Map<Double, List<String>> byMinutes = recipe == null ? Map.of() : stagesByMinutes(recipe);
    byMinutes.forEach(
        (minutes, stages) -> {
          if (minutes > 0) {
            String note = "  everyMinutes %s: %s".formatted(Numbers.write(minutes), names(stages));
            intervals.add(new Interval(60 * minutes, note, stages));
          }
        });
    if (json) {
      out.print(json(failures, best, intervals, work));
      return;
    }
    ClusterConfig machines = failures.machines();
    out.printf(
        Locale.ROOT,
        "%d GPUs of %,.0f hours to failure: one failure in %s; saves of %.0f s, restarts of %.0f s%n",
        machines.gpus(),
        machines.hoursToFailure(),
        time(failures.meanSeconds()),
        machines.saveSeconds(),
        machines.restartSeconds());
    out.println("save every  goodput  saving   lost   restarting");
    intervals.forEach(one -> line(failures, one, work, out));
    out.printf("Daly's formula: %s, Young's: %s%n", time(failures.daly()), time(failures.young()));
    List<String> byExamples = byMinutes.getOrDefault(0.0, List.of());
    if (!byExamples.isEmpty()) {
      out.printf(
          "saved by examples alone, whose time is not known here: %s; give it with --interval-seconds%n",
          names(byExamples));
    }
  }

  /** For a recipe, where 0 would be no limit. */
  private static String minutes(double seconds) {
    double minutes = seconds / 60;
    return Numbers.write(
        minutes < 10 ? Math.max(0.1, Math.round(10 * minutes) / 10.0) : Math.round(minutes));
  }

  /** Names of the stages that train, by the minutes after which they save; 0: by examples alone. */
  private static Map<Double, List<String>> stagesByMinutes(PipelineConfig recipe) {
    return recipe.stages().stream()
        .filter(StageConfig::trains)
        .collect(
            Collectors.groupingBy(
                stage -> stage.checkpoint().minutes(),
                TreeMap::new,
                Collectors.mapping(StageConfig::name, Collectors.toList())));
  }

  private static String names(List<String> stages) {
    return stages.stream().map(Escape::line).collect(Collectors.joining(", "));
  }

  private String json(Failures failures, double best, List<Interval> intervals, double work) {
    ObjectNode root = Json.STRICT.createObjectNode();
    root.putPOJO("machines", failures.machines());
    root.put("secondsToFailure", failures.meanSeconds());
    root.put("bestIntervalSeconds", best);
    root.put("dalySeconds", failures.daly());
    root.put("youngSeconds", failures.young());
    ArrayNode outcomes = root.putArray("intervals");
    for (Interval one : intervals) {
      outcomes
          .addObject()
          .put("seconds", one.seconds)
          .putPOJO("stages", one.stages)
          .putPOJO("shares", failures.simulate(one.seconds, work, seed));
    }
    return Json.indented(root);
  }

  private void line(Failures failures, Interval one, double work, PrintWriter out) {
    Failures.Outcome outcome = failures.simulate(one.seconds, work, seed);
    out.printf(
        Locale.ROOT,
        "%10s  %5.2f %%  %5.2f %%  %5.2f %%  %5.2f %%%s%n",
        time(one.seconds),
        100 * outcome.useful(),
        100 * outcome.saving(),
        100 * outcome.lost(),
        100 * outcome.restarting(),
        one.note);
  }

  private static String time(double seconds) {
    long whole = Math.round(seconds);
    return String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }
}
