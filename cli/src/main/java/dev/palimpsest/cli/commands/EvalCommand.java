package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.reports.EvaluationReport;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.RankLog;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.mixtures.formats.TextFile;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.StoppedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest eval}: scores a model on benchmarks. */
@Command(
    name = "eval",
    mixinStandardHelpOptions = true,
    description = {
      "Scores a model on benchmarks, or on your own suite.",
      "Started by mpirun, its processes divide the questions among themselves; rank 0 keeps the answers and scores them.",
      "Run the same command again to resume where it stopped: each answer is saved as it is made.",
      "SIGINT, SIGTERM and SIGHUP end it after the current batch with exit code 75; a second signal ends it at once."
    })
public final class EvalCommand implements Callable<Integer> {
  /** How long a rank waits for another's batch before it takes it for lost. */
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "CHECKPOINT",
      description =
          "An exported Hugging Face folder, a training checkpoint, or the folder of a stage or"
              + " run.")
  Path checkpoint;

  @Option(
      names = "--suite",
      required = true,
      paramLabel = "NAME|FILE",
      description = {
        "Suites and benchmarks from 'tasks list', separated by commas; the file of a benchmark; or a",
        "file with 'tasks:', in the format of a recipe's suites."
      })
  String suite;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      defaultValue = "data",
      description = "The folder that holds the benchmarks' files. Default: ${DEFAULT-VALUE}.")
  Path dataDir;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "0",
      description = "Score only this many examples of each task, from the first on. Default: all.")
  long limit;

  @Option(
      names = "--samples",
      paramLabel = "IDS",
      split = ",",
      description = "Score only the examples with these ids.")
  List<String> samples = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for results and predictions. Default: evaluations/NAME, where NAME is the checkpoint's.")
  @Nullable Path out;

  @Option(names = "--predict-only", description = "Generates the answers without scoring them.")
  boolean predictOnly;

  @Option(
      names = "--resolution",
      paramLabel = "PIXELS",
      description = "Side of the square input, in pixels. Default: the checkpoint's own.")
  @Nullable Integer resolution;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "16",
      description =
          "Examples per forward pass; does not affect the answers. Default: ${DEFAULT-VALUE}.")
  int batchSize;

  @Option(
      names = "--baseline",
      paramLabel = "FILE",
      description = "The results.json of another evaluation to compare with.")
  @Nullable Path baseline;

  @Mixin PrecisionOption precision;

  @Mixin DeviceOption device;

  @Override
  @SuppressWarnings("try") // lock and signals are used by being held
  public Integer call() throws IOException {
    if (limit < 0 || batchSize < 1) {
      throw new UserMistake("--limit must be 0 or more and --batch-size 1 or more");
    }
    ProcessGroup group = ProcessGroup.fromEnvironment(System.getenv());
    RankLog.speakAs(group.rank());
    StopRequest stop = new StopRequest();
    try (Signals signals = Signals.stop(stop, spec.commandLine().getErr())) {
      Map<String, SuiteTaskConfig> tasks = tasks();
      Map<String, TaskResult> before = baseline == null ? Map.of() : baseline(baseline);
      // Missing files are reported before a model is loaded.
      requireAnswerable(tasks);
      Path folder = folder();
      Collectives ranks =
          Collectives.join(
              group.rank(), group.worldSize(), folder.toAbsolutePath().resolve("ranks"), PATIENCE);
      try (Machine machine = device.open(null, group)) {
        SavedModel model =
            SavedModel.read(checkpoint, resolution, precision.get(), machine.manager());
        if (model.image().jpeg() == Jpeg.FAST
            && !TurboJpeg.isFound()
            && tasks.values().stream().anyMatch(task -> task.source() != null)) {
          throw new UserMistake("the checkpoint was trained with " + TurboJpeg.ABSENT);
        }
        if (!ranks.isFirst()) {
          evaluator(model, folder, machine, stop, ranks).takePart(tasks);
        } else {
          // Two evaluations in one folder would overwrite each other's answers.
          try (FolderLock lock = new RunFolder(folder).lock()) {
            evaluate(model, folder, machine, tasks, before, stop, ranks);
          }
        }
      } catch (StoppedException | UserMistake e) { // on every rank, or the others have been told
        ranks.close();
        throw e;
      }
      ranks.close();
      return ExitCode.DONE.code();
    }
  }

  private static Map<String, TaskResult> baseline(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new UserMistake("--baseline: there is no file " + file);
    }
    return EvaluationReport.read(file);
  }

  private Map<String, SuiteTaskConfig> tasks() throws IOException {
    Map<String, SuiteTaskConfig> tasks = new LinkedHashMap<>();
    Path file = Path.of(suite);
    if (suite.endsWith(".yaml") && isSuite(file)) {
      SuiteConfig own = Recipes.bindSuite(file);
      tasks.putAll(own.tasks());
      return tasks;
    }
    List<String> names =
        suite.endsWith(".yaml") ? List.of(suite) : Benchmarks.index().expand(suite);
    for (String name : names) {
      tasks.put(
          Benchmarks.find(name).name(), SuiteTaskConfig.ofBenchmark(name, dataDir.toString()));
    }
    return tasks;
  }

  private static boolean isSuite(Path file) throws IOException {
    return !Files.isRegularFile(file)
        || TextFile.lines(file).stream().anyMatch(line -> line.startsWith("tasks:"));
  }

  /** Reports every benchmark with missing files and every unknown metric at once. */
  private static void requireAnswerable(Map<String, SuiteTaskConfig> tasks) {
    List<String> mistakes = new ArrayList<>();
    tasks.forEach(
        (name, task) -> {
          List<String> metrics = new ArrayList<>(task.metrics());
          if (task.benchmark() != null && task.dataDir() != null) {
            BenchmarkConfig benchmark = Benchmarks.find(task.benchmark());
            metrics.addAll(benchmark.metrics());
            if (benchmark.image().jpeg() == Jpeg.FAST && !TurboJpeg.isFound()) {
              mistakes.add(name + ": " + TurboJpeg.ABSENT);
            }
            try {
              new BenchmarkReader(benchmark, Path.of(task.dataDir())).data();
            } catch (BenchmarkFormatException e) {
              mistakes.add(String.valueOf(e.getMessage()));
            }
          }
          Benchmarks.unknownMetrics(metrics)
              .forEach(mistake -> mistakes.add(name + ": " + mistake));
        });
    if (!mistakes.isEmpty()) {
      throw new UserMistake(String.join("\n", mistakes));
    }
  }

  private Path folder() {
    return out != null
        ? out
        : Path.of(
            "evaluations", String.valueOf(checkpoint.toAbsolutePath().normalize().getFileName()));
  }

  private void evaluate(
      SavedModel model,
      Path folder,
      Machine machine,
      Map<String, SuiteTaskConfig> tasks,
      Map<String, TaskResult> before,
      StopRequest stop,
      Collectives ranks) {
    PrintWriter terminal = spec.commandLine().getOut();
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("checkpoint", model.folder().toString());
    facts.put("model", model.fingerprint());
    facts.put("resolution", model.resolution());
    facts.put("precision", ConfigYaml.word(precision.get()));
    facts.put("batch size", batchSize);
    if (limit > 0) {
      facts.put("limit", limit);
    }
    if (!samples.isEmpty()) {
      facts.put("samples", samples);
    }
    facts.putAll(Environment.facts(machine.device()));
    EvaluationReport report = new EvaluationReport(facts, model.resolution(), before);
    long answered = 0;
    try (Evaluator evaluator = evaluator(model, folder, machine, stop, ranks)) {
      for (Map.Entry<String, SuiteTaskConfig> task : tasks.entrySet()) {
        TaskResult result = evaluator.evaluate(task.getKey(), task.getValue());
        answered += result.examples();
        report.add(task.getKey(), result);
        terminal.println(line(task.getKey(), result));
        terminal.flush();
        // After each task, so that its scores are stored whatever happens to the next.
        RunFolder.writeText(folder.resolve("results.json"), report.toJson());
        RunFolder.writeText(folder.resolve("results.md"), report.toMarkdown());
      }
    }
    if (!samples.isEmpty() && answered == 0) {
      throw new UserMistake(
          "--samples: no task has an example of id " + String.join(", ", samples));
    }
    terminal.println(folder.resolve("results.md"));
  }

  private Evaluator evaluator(
      SavedModel model, Path folder, Machine machine, StopRequest stop, Collectives ranks) {
    return new Evaluator(
        new EvaluatedModel(
            Models.of(model.config(), precision.get(), machine.kernels()),
            Weights.of(model.parameters()),
            model.tokenizer(),
            model.resolution(),
            model.image(),
            model.textTokens(),
            model.fingerprint()),
        batchSize,
        machine.manager(),
        folder.resolve("predictions"),
        new Selection(limit, samples, predictOnly),
        ranks,
        new Evaluator.Watch() {
          @Override
          public void between() {
            stop.obey("while scoring");
          }

          @Override
          public void beforeRound() {
            if (ranks.any(stop.isMade())) {
              stop.make();
            }
            between();
          }
        });
  }

  private static String line(String name, TaskResult result) {
    StringBuilder line =
        new StringBuilder(Escape.line(name)).append("  n = ").append(result.examples());
    for (MetricScore score : result.metrics()) {
      if (score.value() != null) {
        line.append(
            String.format(
                Locale.ROOT,
                "  %s %s = %.4f",
                score.metric().key(),
                score.quantity(),
                score.value()));
      }
    }
    if (result.truncated() > 0) {
      line.append("  cut off: ").append(result.truncated());
    }
    return line.toString();
  }
}
