package dev.palimpsest.cli.commands;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.Replay;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest replay}: repeats a step that a guard objected to. */
@Command(
    name = "replay",
    mixinStandardHelpOptions = true,
    description = {
      "Repeats the step of a replay capsule and compares it with the run's, bit for bit.",
      "Loss and gradient norm are compared, without the update, and shown for each example.",
      "Exit code 0 if all bits are the same, otherwise 1."
    })
public final class ReplayCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "CAPSULE",
      description = "The capsule's folder: RUN/STAGE/capsules/examples-...")
  Path capsule;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description = "The run folder, if the capsule is no longer inside it.")
  @Nullable Path run;

  @Option(names = "--json", description = "Prints a JSON object, in place of a table.")
  boolean json;

  @Mixin DeviceOption device;

  @Override
  public Integer call() {
    Path folder = run != null ? run : capsule.toAbsolutePath().normalize().resolve("../../..");
    Replay replay = Replay.open(capsule, folder);
    Integer threads = replay.recipe().threads();
    Replay.Result result;
    try (Machine machine =
        device.open(threads != null ? threads : recordedThreads(replay.facts()))) {
      result = replay.run(machine.manager(), machine.kernels());
    }
    if (json) {
      spec.commandLine().getOut().print(json(result));
    } else {
      print(result);
    }
    return ExitCode.check(result.same());
  }

  /** Sums are split between threads, so the bits are those of the run only with as many threads. */
  private static int recordedThreads(StageFacts facts) {
    return facts.environment().get("threads") instanceof Integer threads
        ? threads
        : Runtime.getRuntime().availableProcessors();
  }

  /** What is not finite is null. */
  private static String json(Replay.Result result) {
    ObjectNode root =
        Json.STRICT
            .createObjectNode()
            .put("stage", result.stage())
            .put("step", result.step())
            .put("found", result.found())
            .put("action", result.action())
            .put("loss", Json.number(result.loss()))
            .put("sameLoss", result.sameLoss())
            .put("gradientNorm", Json.number(result.gradientNorm()))
            .put("sameGradientNorm", result.sameNorm())
            .put("same", result.same());
    ArrayNode examples = root.putArray("examples");
    for (Replay.ExampleLoss example : result.examples()) {
      examples
          .addObject()
          .put("id", example.id())
          .put("position", example.position())
          .put("loss", Json.number(example.loss()))
          .put("gradientNorm", Json.number(example.gradientNorm()))
          .put("sameBits", example.sameBits());
    }
    return Json.indented(root);
  }

  private void print(Replay.Result result) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "Stage %s, step %d: %s (%s).%n",
        Escape.line(result.stage()), result.step(), Escape.line(result.found()), result.action());
    out.printf(Locale.ROOT, "loss          %-22s %s%n", result.loss(), sameBits(result.sameLoss()));
    out.printf(
        Locale.ROOT,
        "gradient norm %-22s %s%n%n",
        result.gradientNorm(),
        sameBits(result.sameNorm()));
    List<Replay.ExampleLoss> worst =
        result.examples().stream()
            .sorted(Comparator.comparingDouble((Replay.ExampleLoss e) -> -badness(e)))
            .toList();
    out.printf("%-10s  %-14s  %-14s  %s%n", "position", "loss", "norm alone", "example");
    for (Replay.ExampleLoss example : worst) {
      out.printf(
          Locale.ROOT,
          "%-10d  %-14.7g  %-14.7g  %s%s%n",
          example.position(),
          example.loss(),
          example.gradientNorm(),
          Escape.line(example.id()),
          example.sameBits() ? "" : "  (different bits from the run's)");
    }
    out.println();
    out.println(verdict(worst));
    out.println(
        result.same()
            ? "Every loss and norm has the same bits as in the run."
            : "The bits differ from the run's: look for different code, libraries, threads or hardware with"
                + " 'palimpsest lineage'.");
  }

  private static String sameBits(boolean same) {
    return same ? "same bits as in the run" : "DIFFERENT BITS from the run";
  }

  private static double badness(Replay.ExampleLoss example) {
    return isFinite(example) ? example.loss() : Double.POSITIVE_INFINITY;
  }

  private static boolean isFinite(Replay.ExampleLoss example) {
    return Float.isFinite(example.loss()) && Double.isFinite(example.gradientNorm());
  }

  private static String verdict(List<Replay.ExampleLoss> worst) {
    List<String> broken =
        worst.stream().filter(e -> !isFinite(e)).map(Replay.ExampleLoss::id).distinct().toList();
    if (broken.size() == worst.stream().map(Replay.ExampleLoss::id).distinct().count()) {
      return "No example is finite: look at the parameters and the learning rate, not at the data.";
    }
    return broken.isEmpty()
        ? "The largest loss is that of " + Escape.line(worst.get(0).id()) + "."
        : "Not finite: " + Escape.line(String.join(", ", broken)) + "; all others are.";
  }
}
