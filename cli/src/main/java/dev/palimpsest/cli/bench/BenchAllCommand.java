package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.files.Durable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench all}: the table of {@code docs/numbers.md}, in one run. */
@Command(
    name = "all",
    mixinStandardHelpOptions = true,
    description = {
      "Measures training steps, beside the same steps in PyTorch, and reading of pictures, decoding and checkpoints; writes the table of docs/numbers.md.",
      "Each measurement is a process of its own, and nothing else runs beside it. The machine should be idle; all of it takes about half an hour on two processors.",
      "It measures the processor; peers/gpu_check.sh measures a GPU.",
      "Exit code 1 if a measurement failed; the table says which and why."
    })
final class BenchAllCommand implements Callable<Integer> {
  private static final String SIZES = "small,blocks224,blocks448";

  /** A measurement that the others of the command do not depend on. */
  enum Part {
    STEP,
    DATA,
    EVAL,
    CHECKPOINT
  }

  @Spec CommandSpec spec;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "step|data|eval|checkpoint",
      description = "Parts to measure, separated by commas. Default: all.")
  List<Part> only = List.of(Part.values());

  @Option(
      names = "--configs",
      split = ",",
      defaultValue = SIZES,
      paramLabel = "SIZE",
      description =
          "Sizes of the steps: tiny, small, blocks224, blocks448, or files as for 'bench step', separated by"
              + " commas. The first is also that of eval and checkpoint. Default: "
              + SIZES
              + ".")
  List<String> configs;

  @Option(
      names = "--precision",
      split = ",",
      defaultValue = "f32,bf16",
      paramLabel = "f32|bf16",
      description = "Of steps and decoding, separated by commas. Default: f32,bf16.")
  List<Precision> precisions;

  @Option(
      names = "--steps",
      defaultValue = "5",
      description = "Number of timed steps, after 2 untimed ones; the median counts. Default: 5.")
  int steps;

  @Option(
      names = "--threads",
      description = "Compute threads, the peer's as well. Default: all processors.")
  @Nullable Integer threads;

  @Option(
      names = "--python",
      paramLabel = "PROGRAM",
      description =
          "Python with PyTorch, for the peer. Default: the one that 'peers/torch.sh' or 'peers/install.sh' installed.")
  @Nullable String python;

  @Option(
      names = "--out",
      paramLabel = "FILE|-",
      description = {
        "Also writes the table to a file: between the two comments that begin with 'bench all', or as a new file. - writes none.",
        "Default: docs/numbers.md if everything is measured, else none."
      })
  @Nullable String out;

  @Mixin JsonOption json;

  private final Map<String, Measured> results = new LinkedHashMap<>();

  /**
   * A measurement still to be made.
   *
   * @param title for people
   * @param said the main figure, for people
   */
  private record Job(
      String key, String title, Supplier<Measured> run, Function<Measured, String> said) {}

  @Override
  public Integer call() throws IOException {
    ModelBench.requirePositive("--steps", steps);
    int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    ModelBench.requirePositive("--threads", used);
    Set<Part> parts = EnumSet.copyOf(only);
    Map<String, StepSizes> sizes = new LinkedHashMap<>();
    new LinkedHashSet<>(configs)
        .forEach(name -> sizes.put(name, BenchStepCommand.bench(config(name))));
    @Nullable MarkedFile target = target(parts);
    boolean compared = parts.contains(Part.STEP) || parts.contains(Part.DATA);
    @Nullable PyTorchPeer peer = compared || python != null ? PyTorchPeer.find(python) : null;
    Path folder = Files.createTempDirectory("palimpsest-bench-");
    Children children = new Children(folder);
    PrintWriter err = spec.commandLine().getErr();

    long began = System.nanoTime();
    Measured facts = children.facts();
    run(jobs(parts, sizes, used, peer, children), err);
    String table =
        new BenchTable(results, facts, steps, used)
            .markdown(
                LocalDate.now(ZoneOffset.UTC),
                (System.nanoTime() - began) / 1e9,
                sizes,
                precisions,
                peer);

    PrintWriter screen = json.table(spec);
    screen.print(table);
    screen.flush();
    json.tell(spec, figures(facts));
    boolean failed = !facts.succeeded() || results.values().stream().anyMatch(r -> !r.succeeded());
    if (failed) {
      err.println("what the measurements printed is in " + folder);
    } else {
      Durable.delete(folder);
    }
    if (target != null) {
      target.write(table);
    }
    return ExitCode.check(!failed);
  }

  /** The argument of {@code bench step --config} for a size. */
  private static String config(String name) {
    return name.matches("blocks\\d+")
        ? Checkout.path("configs/bench/" + name.replace("blocks", "blocks-") + ".yaml").toString()
        : name;
  }

  /** The file that the table goes to, if any; nothing is measured if it cannot be written. */
  private @Nullable MarkedFile target(Set<Part> parts) {
    if (out == null) {
      boolean everything =
          parts.size() == Part.values().length
              && configs.equals(List.of(SIZES.split(",")))
              && Set.copyOf(precisions).size() == Precision.values().length;
      return everything ? MarkedFile.of(Checkout.path("docs/numbers.md")) : null;
    }
    return out.equals("-") ? null : MarkedFile.of(Path.of(out));
  }

  // ---- the measurements

  private List<Job> jobs(
      Set<Part> parts,
      Map<String, StepSizes> sizes,
      int used,
      @Nullable PyTorchPeer peer,
      Children children) {
    List<Job> jobs = new ArrayList<>();
    if (parts.contains(Part.STEP)) {
      sizes.forEach(
          (name, bench) ->
              precisions.forEach(
                  precision -> jobs.addAll(steps(name, bench, precision, used, peer, children))));
    }
    if (parts.contains(Part.DATA)) {
      List<String> arguments = new ArrayList<>(List.of("bench", "data"));
      if (peer != null && peer.readsPictures()) {
        arguments.addAll(List.of("--python", peer.python()));
      }
      String key = BenchTable.DATA;
      jobs.add(new Job(key, "pictures", () -> children.ours(key, arguments), m -> "done"));
    }
    String first = configs.get(0);
    if (parts.contains(Part.EVAL)) {
      for (Precision precision : precisions) {
        String number = ConfigYaml.word(precision);
        String key = BenchTable.eval(number);
        List<String> arguments = arguments("eval", first, number, used);
        jobs.add(
            new Job(
                key,
                "decoding, %s, %s".formatted(first, number),
                () -> children.ours(key, arguments),
                m -> BenchTable.number(m.figure("decodeTokensPerSecond")) + " tokens/s"));
      }
    }
    if (parts.contains(Part.CHECKPOINT)) {
      String key = BenchTable.CHECKPOINT;
      List<String> arguments = List.of("bench", "checkpoint", "--config", config(first));
      jobs.add(
          new Job(key, "checkpoint, " + first, () -> children.ours(key, arguments), m -> "done"));
    }
    return jobs;
  }

  /** Our step and, one after the other on the same machine, those of the peer. */
  private List<Job> steps(
      String name,
      StepSizes bench,
      Precision precision,
      int used,
      @Nullable PyTorchPeer peer,
      Children children) {
    String number = ConfigYaml.word(precision);
    String title = "step, %s, %s".formatted(name, number);
    String ours = BenchTable.step(name, number, BenchTable.OURS);
    List<String> arguments = arguments("step", name, number, used);
    arguments.addAll(List.of("--steps", "" + steps));
    List<Job> jobs = new ArrayList<>();
    jobs.add(new Job(ours, title, () -> children.ours(ours, arguments), BenchAllCommand::seconds));
    if (peer == null || !peer.lack().isEmpty() || !PyTorchPeer.lackFor(bench).isEmpty()) {
      return jobs;
    }
    for (String kind : List.of(BenchTable.EAGER, BenchTable.COMPILED)) {
      boolean compiled = kind.equals(BenchTable.COMPILED);
      if (!compiled || peer.compilerLack().isEmpty()) {
        String theirs = BenchTable.step(name, number, kind);
        List<String> command = peer.command(bench, precision, compiled, steps, used);
        jobs.add(
            new Job(
                theirs,
                title + ", PyTorch " + kind,
                () -> sameCount(ours, children.peer(theirs, command)),
                BenchAllCommand::seconds));
      }
    }
    return jobs;
  }

  private static List<String> arguments(String command, String name, String number, int used) {
    List<String> arguments = new ArrayList<>(List.of("bench", command));
    arguments.addAll(List.of("--config", config(name), "--precision", number));
    arguments.addAll(List.of("--threads", "" + used, "--device", "cpu"));
    return arguments;
  }

  private static String seconds(Measured measured) {
    return BenchTable.number(measured.figure("secondsPerStep")) + " s a step";
  }

  /** A peer that counts other operations does other steps. */
  private Measured sameCount(String ours, Measured peer) {
    Measured own = results.getOrDefault(ours, Measured.NONE);
    if (!own.succeeded() || !peer.succeeded()) {
      return peer;
    }
    double expected = own.figure("gigaflopPerStep");
    double counted = peer.figure("gigaflopPerStep");
    return Math.abs(counted / expected - 1) < 1e-6
        ? peer
        : Measured.failed(
            "the peer counts %.3f GFLOP a step, we count %.3f".formatted(counted, expected));
  }

  private void run(List<Job> jobs, PrintWriter err) {
    for (int i = 0; i < jobs.size(); i++) {
      Job job = jobs.get(i);
      err.printf(Locale.ROOT, "[%d/%d] %s: ", i + 1, jobs.size(), job.title());
      err.flush();
      long began = System.nanoTime();
      Measured measured = job.run().get();
      results.put(job.key(), measured);
      err.printf(
          Locale.ROOT,
          "%s (%.0f s)%n",
          measured.succeeded() ? job.said().apply(measured) : "failed, " + measured.failure(),
          (System.nanoTime() - began) / 1e9);
      err.flush();
    }
  }

  private Map<String, Object> figures(Measured facts) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("machine", figuresOf(facts));
    results.forEach((key, measured) -> all.put(key, figuresOf(measured)));
    return all;
  }

  private static Object figuresOf(Measured measured) {
    return measured.succeeded() ? measured.figures() : Map.of("failure", measured.failure());
  }
}
