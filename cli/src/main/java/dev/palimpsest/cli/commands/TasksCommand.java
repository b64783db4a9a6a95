package dev.palimpsest.cli.commands;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Data;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Published;
import dev.palimpsest.configs.evaluation.BenchmarkIndex;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest tasks}: the benchmarks that {@code eval} and recipes can use. */
@Command(
    name = "tasks",
    mixinStandardHelpOptions = true,
    description = "Lists the benchmarks, or shows one: its prompt, its metrics and its files.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {TasksCommand.ListTasks.class, TasksCommand.ShowTask.class})
public final class TasksCommand implements Runnable {
  @Spec CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** {@code tasks list}. */
  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "Lists every benchmark and suite.")
  static final class ListTasks implements Runnable {
    @Spec CommandSpec spec;

    @Option(names = "--json", description = "Prints JSON.")
    boolean json;

    @Option(
        names = "--data-dir",
        paramLabel = "DIR",
        description =
            "The folder of the benchmarks' files: says of each benchmark which are missing there.")
    @Nullable Path dataDir;

    @Override
    public void run() {
      BenchmarkIndex index = Benchmarks.index();
      List<BenchmarkConfig> all = index.benchmarks().stream().map(Benchmarks::find).toList();
      PrintWriter out = spec.commandLine().getOut();
      if (dataDir != null && !Files.isDirectory(dataDir)) {
        throw new UserMistake("--data-dir: there is no folder " + dataDir);
      }
      if (json) {
        out.println(toJson(index, all).toPrettyString());
        return;
      }
      if (dataDir != null) {
        files(all, dataDir, out);
        return;
      }
      out.printf(
          "%-16s %3s  %-12s %8s  %-34s %s%n", "task", "v", "split", "examples", "metric", "");
      for (BenchmarkConfig task : all) {
        out.printf(
            "%-16s %3d  %-12s %8s  %-34s %s%n",
            task.name(),
            task.version(),
            task.split(),
            task.examples() == 0 ? "" : Long.toString(task.examples()),
            task.metrics().get(0),
            task.title());
      }
      out.println();
      index
          .suites()
          .forEach((name, tasks) -> out.printf("suite %-12s %s%n", name, String.join(" ", tasks)));
      out.println();
      index.notScorable().forEach((row, reason) -> out.printf("not scored: %s, %s%n", row, reason));
    }

    private static void files(List<BenchmarkConfig> all, Path folder, PrintWriter out) {
      int present = 0;
      for (BenchmarkConfig task : all) {
        List<String> missing = new BenchmarkReader(task, folder).missing();
        present += missing.isEmpty() ? 1 : 0;
        out.printf(
            "%-16s %s%n",
            task.name(), missing.isEmpty() ? "present" : "missing: " + String.join(", ", missing));
      }
      out.printf(
          "%d of %d benchmarks have their files in %s; 'tasks show NAME' says where to get others%n",
          present, all.size(), folder);
    }

    private ObjectNode toJson(BenchmarkIndex index, List<BenchmarkConfig> all) {
      ObjectNode root = Json.STRICT.createObjectNode();
      ArrayNode tasks = root.putArray("tasks");
      for (BenchmarkConfig task : all) {
        ObjectNode node =
            tasks
                .addObject()
                .put("name", task.name())
                .put("version", task.version())
                .put("title", task.title())
                .put("split", task.split());
        task.metrics().forEach(node.putArray("metrics")::add);
        if (dataDir != null) {
          new BenchmarkReader(task, dataDir).missing().forEach(node.putArray("missing")::add);
        }
      }
      ObjectNode suites = root.putObject("suites");
      index.suites().forEach((name, names) -> names.forEach(suites.putArray(name)::add));
      return root;
    }
  }

  /** {@code tasks show NAME}. */
  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description = "Shows one benchmark: its settings, a prompt, its files and where to get them.")
  static final class ShowTask implements Runnable {
    @Spec CommandSpec spec;

    @Parameters(
        paramLabel = "NAME",
        description = "A name from 'tasks list', or a file that ends in .yaml.")
    String name;

    @Option(
        names = "--data-dir",
        paramLabel = "DIR",
        description =
            "The folder of the benchmark files; the prompt shown is then that of the first example.")
    @Nullable Path dataDir;

    @Option(names = "--json", description = "As JSON.")
    boolean json;

    @Override
    public void run() {
      BenchmarkConfig task = Benchmarks.find(name);
      requireMetrics(task);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.print(Json.indented(facts(task)));
        return;
      }
      out.print(ConfigYaml.write(task));
      out.println();
      out.println("Files, relative to --data-dir:");
      for (Data data : task.data()) {
        out.printf(
            "  %s%s%n    from %s%n",
            String.join(", ", data.files().values()),
            data.images() == null ? "" : ", pictures in " + data.images() + "/",
            data.from());
      }
      out.println();
      for (Published row : task.published()) {
        out.printf(
            "Published: %s (%s) %s%s%n",
            row.row(),
            row.paper(),
            row.scores().entrySet().stream()
                .map(e -> e.getValue() + " at " + e.getKey() + "px")
                .collect(Collectors.joining(", ")),
            row.split() == null ? "" : ", on " + row.split());
      }
      out.println();
      if (dataDir == null) {
        out.println("A prompt (made-up example):");
        out.println(BenchmarkReader.samplePrompt(task));
        return;
      }
      List<Question> questions = new BenchmarkReader(task, dataDir).questions();
      Question first = questions.get(0);
      out.printf(
          "%d examples. The first, %s:%n", questions.size(), Escape.line(first.example().id()));
      out.println(Escape.line(first.example().prefix()));
      first
          .example()
          .images()
          .forEach(image -> out.println("picture: " + Escape.line(image.name())));
      first.example().references().forEach(answer -> out.println("answer: " + Escape.line(answer)));
    }

    private Map<String, Object> facts(BenchmarkConfig task) {
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("task", ConfigYaml.tree(task));
      if (dataDir == null) {
        facts.put("samplePrompt", BenchmarkReader.samplePrompt(task));
        return facts;
      }
      List<Question> questions = new BenchmarkReader(task, dataDir).questions();
      Example first = questions.get(0).example();
      facts.put("examples", questions.size());
      Map<String, Object> shown = new LinkedHashMap<>();
      shown.put("id", first.id());
      shown.put("prompt", first.prefix());
      shown.put("pictures", first.images().stream().map(ImageReference::name).toList());
      shown.put("answers", first.references());
      facts.put("first", shown);
      return facts;
    }

    private static void requireMetrics(BenchmarkConfig task) {
      List<String> mistakes = Benchmarks.unknownMetrics(task.metrics());
      if (!mistakes.isEmpty()) {
        throw new UserMistake(String.join("\n", mistakes));
      }
    }
  }
}
