package dev.palimpsest.cli.ablation;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.cli.ablation.Ablation.Choice;
import dev.palimpsest.cli.ablation.Ablation.Trial;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.preparation.Preparation;
import dev.palimpsest.stages.training.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest ablate}: trains variants of a recipe and compares them. */
@Command(
    name = "ablate",
    mixinStandardHelpOptions = true,
    description = {
      "Trains variants of a recipe with several seeds and compares them in a table, which is also"
          + " written as table.txt, table.json and report.html.",
      "Stages that variants have in common are trained once. Run the same command again to go on"
          + " after a stop or a kill; what is done is not repeated."
    })
@SuppressWarnings("try") // the lock is used by being held
public final class AblateCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(AblateCommand.class);

  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "FILE",
      description = "The ablation, a YAML file such as those in configs/recipes/ablations.")
  Path file;

  @Option(
      names = "--scale",
      paramLabel = "NAME",
      description = "One of the file's sizes. Default: the first.")
  @Nullable String scale;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      split = ",",
      description = "Seeds in place of the file's, such as 0,1.")
  List<Long> seeds = List.of();

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      description =
          "Replaces one value of the recipe in all variants; what a variant sets comes after it. May be given several times.")
  List<String> sets = List.of();

  @Option(
      names = "--share",
      paramLabel = "DIR",
      description =
          "The folder that names finished stages, as in 'run': several ablations that are given the same one train a stage that they have in common once. Default: stages in --out.")
  @Nullable Path share;

  @Option(
      names = "--jobs",
      paramLabel = "N",
      defaultValue = "1",
      description = "How many runs at a time. Default: ${DEFAULT-VALUE}.")
  int jobs;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "The folder of all runs. Default: runs/ablations/NAME/SCALE.")
  @Nullable Path out;

  @Option(
      names = "--device",
      paramLabel = "cpu|cuda|cuda:N",
      description = "What the runs compute on, as in 'run'.")
  @Nullable String device;

  @Option(names = "--json", description = "Prints what table.json has, in place of the table.")
  boolean json;

  @Override
  public Integer call() throws InterruptedException {
    if (jobs < 1) {
      throw new UserMistake("--jobs must be at least 1, got " + jobs);
    }
    Ablation ablation = Ablation.read(file, new Choice(scale, sets, seeds, out, share));
    PrintWriter err = spec.commandLine().getErr();
    Path lockFile = ablation.out().resolve("ablate.lock");
    try (FolderLock lock =
        FolderLock.take(lockFile)
            .orElseThrow(
                () ->
                    new UserMistake(
                        "%s is in use by %s; wait until it ends, or take another --out"
                            .formatted(ablation.out(), FolderLock.holder(lockFile))))) {
      Consumer<String> say =
          line -> {
            synchronized (err) {
              err.println(line);
              err.flush();
            }
          };
      prepare(ablation, say);
      Trials trials = new Trials(ablation, device, say);
      Map<Trial, Integer> codes = trials.run(jobs);
      AblationTable table = table(ablation, codes);
      RunFolder.writeText(
          ablation.out().resolve("table.txt"), String.join("\n", table.lines()) + "\n");
      RunFolder.writeText(ablation.out().resolve("table.json"), AblationJson.of(table));
      Path page = ablation.out().resolve("report.html");
      RunFolder.writeText(page, AblationPage.of(table));
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.print(AblationJson.of(table));
      } else {
        table.lines().forEach(out::println);
        out.println(page);
      }
      return code(codes, err);
    }
  }

  /** How the command ends: as the worst of its runs did. */
  private static int code(Map<Trial, Integer> codes, PrintWriter err) {
    Optional<Integer> failed =
        codes.values().stream()
            .filter(code -> code != ExitCode.DONE.code() && code != ExitCode.STOPPED.code())
            .findFirst();
    if (failed.isPresent()) {
      return failed.get();
    }
    if (codes.containsValue(ExitCode.STOPPED.code())) {
      err.println("stopped; the table has what is done. Run the same command to go on");
      return ExitCode.STOPPED.code();
    }
    return ExitCode.DONE.code();
  }

  private static AblationTable table(Ablation ablation, Map<Trial, Integer> codes) {
    Map<String, Map<Long, Measured>> measured = new LinkedHashMap<>();
    List<String> failed = new ArrayList<>();
    codes.forEach(
        (trial, code) -> {
          if (code == ExitCode.DONE.code()) {
            measured
                .computeIfAbsent(trial.variant(), variant -> new TreeMap<>())
                .put(trial.seed(), Measured.of(trial, ablation.scale()));
          } else if (code != ExitCode.STOPPED.code()) {
            failed.add(
                "%s with exit code %d: %s"
                    .formatted(trial.words(), code, Trials.lastLine(ablation.log(trial))));
          }
        });
    return AblationTable.of(ablation, measured, failed);
  }

  /** Makes drawn data and towers once for all runs that ask for the same, and links them there. */
  private static void prepare(Ablation ablation, Consumer<String> say) {
    Map<String, Path> made = new LinkedHashMap<>();
    for (Trial trial : ablation.trials()) {
      PrepareConfig wanted = trial.recipe().prepare();
      if (wanted == null) {
        continue;
      }
      String key =
          Fingerprint.of(
                  Map.of(
                      "prepare",
                      Fingerprint.text(wanted).replace(trial.folder().toString(), ""),
                      "vision",
                      Fingerprint.text(trial.recipe().model().vision()),
                      "language",
                      Fingerprint.text(trial.recipe().model().language())))
              .substring(0, 16);
      Path common = ablation.out().resolve("prepared").resolve(key);
      if (made.putIfAbsent(key, common) == null) {
        if (!Files.exists(common)) {
          say.accept("preparing data and towers in " + common);
        }
        PipelineConfig recipe =
            Recipes.bind(
                Path.of(ablation.scale().recipe()), trial.sets(), Map.of("run", common.toString()));
        try (NDManager manager = Machine.hostMemory()) {
          Preparation.make(manager, recipe, Progress.NONE);
        }
      }
      link(common, trial.folder());
    }
  }

  private static void link(Path common, Path run) {
    try {
      Files.createDirectories(run);
      try (var folders = Files.list(common)) {
        for (Path folder : folders.sorted().toList()) {
          Path here = run.resolve(folder.getFileName().toString());
          if (Files.isDirectory(folder) && !Files.exists(here, LinkOption.NOFOLLOW_LINKS)) {
            Files.createSymbolicLink(here, run.relativize(folder));
          }
        }
      }
    } catch (UnsupportedOperationException e) {
      log.debug("no links here: every run makes its own", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot link " + common + " into " + run, e);
    }
  }
}
