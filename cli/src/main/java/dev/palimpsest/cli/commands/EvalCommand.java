package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.cli.hub.HubFiles;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.pages.Labels;
import dev.palimpsest.cli.reports.Comparison;
import dev.palimpsest.cli.reports.ComparisonText;
import dev.palimpsest.cli.reports.EvaluationPage;
import dev.palimpsest.cli.reports.EvaluationReport;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.RankLog;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.Judged;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.files.Json;
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
  /** How long a rank waits for another's batch before it considers it lost. */
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  @Spec CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "CHECKPOINT",
      description = {
        "An exported Hugging Face folder, a training checkpoint, or the folder of a stage or run.",
        "Several are compared on the same examples, each with the first one, by paired tests."
      })
  List<Path> checkpoints = List.of();

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
          "Folder for results and predictions; of several checkpoints each has a folder in it. Default: evaluations/NAME, where NAME is the checkpoint's.")
  @Nullable Path out;

  @Option(names = "--predict-only", description = "Generates the answers without scoring them.")
  boolean predictOnly;

  @Option(
      names = "--perplexity",
      description =
          "Also computes loss and perplexity of a benchmark's first reference, for base models that do not answer in its form. A suite's own sources always have them.")
  boolean perplexity;

  @Option(
      names = "--hub",
      description =
          "Writes what the Hugging Face Hub shows: scores as model-index.yaml, answers as answers.parquet, of each checkpoint.")
  boolean hub;

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

  @Option(
      names = "--html",
      arity = "0..1",
      paramLabel = "FILE",
      fallbackValue = "",
      description =
          "Writes a page with charts and sample answers beside each other. Default: evaluation.html in the folder of --out.")
  @Nullable Path html;

  @Option(
      names = "--json",
      description = "Prints everything as a JSON object, in place of lines of text.")
  boolean json;

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
      Map<String, SuiteTaskConfig> tasks = SuiteTasks.of(suite, dataDir);
      Map<String, TaskResult> before = baseline == null ? Map.of() : baseline(baseline);
      // Missing files are reported before a model is loaded.
      SuiteTasks.requireAnswerable(tasks);
      List<String> labels = Labels.of(checkpoints);
      for (Path checkpoint : checkpoints) {
        SavedModel.requireModel(checkpoint);
      }
      Path folder = out != null ? out : Path.of("evaluations", String.join("-", labels));
      try (Machine machine = device.open(null, group)) {
        Collectives ranks =
            group.connect(start(tasks), machine, folder.resolve("ranks"), PATIENCE, false);
        // Two evaluations in one folder would overwrite each other's answers.
        try (@Nullable FolderLock lock = ranks.isFirst() ? new RunFolder(folder).lock() : null) {
          evaluateAll(labels, folder, machine, tasks, before, stop, ranks);
        } catch (StoppedException | UserMistake e) { // on every rank, or the others have been told
          ranks.close();
          throw e;
        }
        ranks.close();
      }
      return ExitCode.DONE.code();
    }
  }

  /** What every rank of an evaluation has to have in common. */
  private Map<String, String> start(Map<String, SuiteTaskConfig> tasks) {
    Map<String, String> start = new LinkedHashMap<>();
    start.put("the checkpoints", checkpoints.toString());
    tasks.forEach((name, task) -> start.put("the task " + name, Fingerprint.text(task)));
    start.putAll(Fingerprint.values(selection()));
    start.put("--resolution", String.valueOf(resolution));
    start.put("--precision", ConfigYaml.word(precision.get()));
    start.put("--batch-size", Integer.toString(batchSize));
    start.put("the program's version", Environment.version());
    return start;
  }

  private Selection selection() {
    return new Selection(limit, samples, predictOnly, perplexity);
  }

  private static Map<String, TaskResult> baseline(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new UserMistake("--baseline: there is no file " + file);
    }
    return EvaluationReport.read(file);
  }

  private void evaluateAll(
      List<String> labels,
      Path folder,
      Machine machine,
      Map<String, SuiteTaskConfig> tasks,
      Map<String, TaskResult> before,
      StopRequest stop,
      Collectives ranks)
      throws IOException {
    Map<String, List<Judged>> judged = new LinkedHashMap<>();
    List<Comparison.Model> models = new ArrayList<>();
    for (int i = 0; i < labels.size(); i++) {
      String label = labels.get(i);
      Path own = labels.size() == 1 ? folder : folder.resolve(label);
      // Each is gone before the next one is read.
      try (NDManager manager = machine.manager().newSubManager()) {
        SavedModel model =
            SavedModel.read(checkpoints.get(i), resolution, manager).in(precision.get(), manager);
        if (model.image().jpeg() == Jpeg.FAST
            && !TurboJpeg.isFound()
            && tasks.values().stream().anyMatch(task -> task.source() != null)) {
          throw new UserMistake("the checkpoint was trained with " + TurboJpeg.ABSENT);
        }
        ScoringProgress shown = new ScoringProgress(label, stop, ranks);
        Evaluator evaluator = evaluator(model, own, machine, manager, shown, ranks);
        if (ranks.isFirst()) {
          Map<String, Object> facts = facts(model, machine);
          EvaluationReport report = new EvaluationReport(facts, model.resolution(), before);
          try (evaluator;
              shown) {
            evaluate(evaluator, shown, label, own, report, tasks, judged);
          }
          models.add(new Comparison.Model(label, facts));
          if (hub) {
            HubFiles.write(own, label, SuiteTasks.last(judged));
          }
        } else {
          evaluator.takePart(tasks);
        }
      }
    }
    if (ranks.isFirst()) {
      if (!samples.isEmpty()
          && judged.values().stream().allMatch(all -> all.get(0).examples().isEmpty())) {
        throw new UserMistake(
            "--samples: no task has an example of id " + String.join(", ", samples));
      }
      compare(Comparison.of(models, judged, SuiteTasks.maskDecoders(tasks)), folder);
    }
  }

  private void evaluate(
      Evaluator evaluator,
      ScoringProgress shown,
      String label,
      Path folder,
      EvaluationReport report,
      Map<String, SuiteTaskConfig> tasks,
      Map<String, List<Judged>> judged) {
    PrintWriter terminal = spec.commandLine().getOut();
    for (Map.Entry<String, SuiteTaskConfig> task : tasks.entrySet()) {
      Judged one = evaluator.judge(task.getKey(), task.getValue());
      shown.endTask();
      report.add(task.getKey(), one.result());
      judged.computeIfAbsent(task.getKey(), name -> new ArrayList<>()).add(one);
      if (!json) {
        terminal.println(
            (checkpoints.size() == 1 ? "" : Escape.line(label) + ": ")
                + line(task.getKey(), one.result()));
        terminal.flush();
      }
      // After each task, so that its scores are stored whatever happens to the next.
      RunFolder.writeText(folder.resolve("results.json"), report.toJson());
      RunFolder.writeText(folder.resolve("results.md"), report.toMarkdown());
    }
  }

  private Evaluator evaluator(
      SavedModel model,
      Path folder,
      Machine machine,
      NDManager manager,
      Evaluator.Watch watch,
      Collectives ranks) {
    return new Evaluator(
        new EvaluatedModel(
            Models.of(model.config(), precision.get(), machine.kernels()),
            Weights.of(model.parameters()),
            model.tokenizer(),
            model.resolution(),
            model.image(),
            model.textTokens(),
            model.taskPrefix(),
            model.fingerprint()),
        batchSize,
        manager,
        folder.resolve("predictions"),
        selection(),
        ranks,
        watch);
  }

  private Map<String, Object> facts(SavedModel model, Machine machine) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("checkpoint", model.folder().toString());
    facts.put("model", model.fingerprint());
    facts.put("resolution", model.resolution());
    facts.put("precision", ConfigYaml.word(precision.get()));
    facts.put("batch size", batchSize);
    if (!model.taskPrefix()) {
      facts.put("prompts", "without task prefix, as in training");
    }
    if (limit > 0) {
      facts.put("limit", limit);
    }
    if (!samples.isEmpty()) {
      facts.put("samples", samples);
    }
    facts.putAll(Environment.facts(machine.device()));
    return facts;
  }

  /** Writes what all models together gave. */
  private void compare(Comparison comparison, Path folder) {
    PrintWriter terminal = spec.commandLine().getOut();
    String whole = Json.indented(comparison);
    RunFolder.writeText(folder.resolve(Comparison.FILE), whole);
    List<Path> written = new ArrayList<>();
    if (checkpoints.size() > 1) {
      Path table = folder.resolve("comparison.md");
      String markdown = ComparisonText.markdown(comparison);
      RunFolder.writeText(table, markdown);
      if (!json) {
        terminal.println();
        terminal.print(ComparisonText.plain(comparison));
      }
      written.add(table);
    } else {
      written.add(folder.resolve("results.md"));
    }
    if (html != null) {
      Path page = html.toString().isEmpty() ? folder.resolve("evaluation.html") : html;
      RunFolder.writeText(page, EvaluationPage.of(comparison));
      written.add(page);
    }
    if (json) {
      terminal.print(whole);
    } else {
      written.forEach(terminal::println);
    }
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
