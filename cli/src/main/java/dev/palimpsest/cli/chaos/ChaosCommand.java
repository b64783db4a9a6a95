package dev.palimpsest.cli.chaos;

import dev.palimpsest.cli.chaos.KillPoint.Kind;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Json;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest chaos}: proves that a recipe's run loses nothing when it is killed. */
@Command(
    name = "chaos",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a recipe without interruption, then again while killing it (SIGKILL) at chosen points and resuming with the same command, and compares all resulting files bit for bit.",
      "Exit code 0 if nothing differs and every kill hit its point, otherwise 1."
    })
public final class ChaosCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "RECIPE", description = "The recipe, a YAML file.")
  Path recipe;

  @Option(
      names = "--kills",
      paramLabel = "N",
      defaultValue = "12",
      description = "Number of points to kill at. Default: ${DEFAULT-VALUE}.")
  int kills;

  @Option(
      names = "--ranks",
      paramLabel = "R",
      defaultValue = "1",
      description =
          "Number of processes of a run, which mpirun starts; each kill hits one of them. Default: ${DEFAULT-VALUE}.")
  int ranks;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description = "Random seed; the same seed gives the same points. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for the runs; absent or empty. Default: runs/NAME-chaos, where NAME is the recipe's name.")
  @Nullable Path out;

  @Option(names = "--set", paramLabel = "PATH=VALUE", description = "As in 'run'.")
  List<String> sets = List.of();

  @Option(names = "--json", description = "Prints a JSON object, in place of a table.")
  boolean json;

  @Override
  public Integer call() {
    requireMpirun();
    String name = Recipes.bind(recipe, sets, Map.of("run", "runs")).name();
    Path folder = out == null ? Path.of("runs", name + "-chaos") : out;
    requireEmpty(folder);
    List<String> command = new ArrayList<>(List.of(program(), "run", recipe.toString()));
    sets.forEach(set -> command.addAll(List.of("--set", set)));
    PrintWriter err = spec.commandLine().getErr();
    Chaos.Outcome outcome;
    try {
      outcome =
          new Chaos(
                  folder,
                  ranks,
                  command,
                  seed,
                  line -> {
                    err.println(line);
                    err.flush();
                  })
              .kill(kills);
    } catch (IllegalStateException e) { // a run ended by itself; its own message says why
      err.println(e.getMessage());
      return ExitCode.CHECK_FAILED.code();
    }
    PrintWriter table = spec.commandLine().getOut();
    if (json) {
      table.print(Json.indented(json(outcome)));
    } else {
      print(outcome, table);
    }
    table.flush();
    return ExitCode.check(outcome.comparison().differences().isEmpty() && outcome.kills() == kills);
  }

  /** The class behind {@code palimpsest}. */
  private String program() {
    return spec.root().userObject().getClass().getName();
  }

  static void print(Chaos.Outcome outcome, PrintWriter table) {
    table.printf("%-18s %6s%n", "killed", "times");
    for (Kind kind : Kind.values()) {
      table.printf("%-18s %6d%n", kind.words(), outcome.reached().getOrDefault(kind, 0));
    }
    table.printf("%-18s %6d%n", "all", outcome.kills());
    if (outcome.missed() > 0) {
      table.printf("%-18s %6d%n", "points missed", outcome.missed());
    }
    Comparison comparison = outcome.comparison();
    table.printf(
        Locale.ROOT,
        "compared: %d runs with the uninterrupted one, %d files, %.1f MB%nbits differing: %d%n",
        outcome.folders(),
        comparison.files(),
        comparison.bytes() / 1e6,
        comparison.bitsDiffering());
    comparison.differences().forEach(difference -> table.println("  " + difference));
  }

  private static Map<String, Object> json(Chaos.Outcome outcome) {
    Map<String, Object> json = new LinkedHashMap<>();
    Map<String, Integer> killed = new LinkedHashMap<>();
    outcome
        .reached()
        .forEach((kind, times) -> killed.put(kind.name().toLowerCase(Locale.ROOT), times));
    json.put("killed", killed);
    json.put("kills", outcome.kills());
    json.put("missed", outcome.missed());
    json.put("runs", outcome.folders());
    json.put("comparison", outcome.comparison());
    return json;
  }

  private void requireMpirun() {
    if (ranks < 1) {
      throw new UserMistake("--ranks must be positive, got " + ranks);
    }
    boolean found =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "mpirun")));
    if (ranks > 1 && !found) {
      throw new UserMistake(
          "--ranks %d needs mpirun on the PATH; Debian: apt-get install openmpi-bin libopenmpi3"
              .formatted(ranks));
    }
  }

  private static void requireEmpty(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> entries = Files.list(folder)) {
      if (entries.findAny().isEmpty()) {
        return;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
    throw new InvalidConfigException(
        List.of(
            new Problem(
                "--out", folder + " is not empty; remove it or name a folder that is absent")));
  }
}
