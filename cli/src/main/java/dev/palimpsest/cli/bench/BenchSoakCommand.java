package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.bench.Soak.Sample;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.cli.terminal.UserMistake;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench soak}: whether a long run leaks resources. */
@Command(
    name = "soak",
    mixinStandardHelpOptions = true,
    description = {
      "Trains a tiny model for many steps and watches for leaks.",
      "It also scores and saves. Resident memory, native arrays, open files and threads are watched.",
      "Exit code 1 if one of them grows after the first quarter: memory by more than 5 percent (median of the second half against the first), the others at all."
    })
final class BenchSoakCommand implements Callable<Integer> {
  private static final int SAMPLES = 20;
  private static final double MOST_DRIFT = 0.05;

  @Spec CommandSpec spec;

  @Option(
      names = "--steps",
      defaultValue = "2000",
      description =
          "Number of training steps with a batch of 4; at least 40. Default: ${DEFAULT-VALUE}.")
  int steps;

  @Mixin JsonOption json;

  @Mixin DeviceOption device;

  @Override
  public Integer call() throws IOException {
    if (steps < 2 * SAMPLES) {
      throw new UserMistake("--steps must be %d or more, got %d".formatted(2 * SAMPLES, steps));
    }
    if (!Soak.isPossible()) {
      throw new UserMistake("bench soak needs /proc/self, which does not exist on this system");
    }
    Path folder = Files.createTempDirectory("palimpsest-soak");
    try (Machine machine = device.open(1)) {
      PrintWriter out = json.lines(spec);
      out.printf(
          "%6s %9s %9s %9s %7s %6s %8s%n",
          "step", "seconds", "RSS MiB", "heap MiB", "arrays", "files", "threads");
      List<Sample> samples = new Soak(steps, steps / SAMPLES, machine, this::row).run(folder);
      int code = verdict(Soak.settled(samples));
      json.tell(spec, samples);
      return code;
    } finally {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private void row(Sample s) {
    PrintWriter out = json.lines(spec);
    out.printf(
        Locale.ROOT,
        "%6d %9.1f %9.1f %9.1f %7d %6d %8d%n",
        s.step(),
        s.seconds(),
        s.residentBytes() / 1048576.0,
        s.heapBytes() / 1048576.0,
        s.arrays(),
        s.files(),
        s.threads());
    out.flush();
  }

  private int verdict(List<Sample> settled) {
    PrintWriter out = json.lines(spec);
    double drift = Soak.residentDrift(settled);
    boolean memory = Math.abs(drift) > MOST_DRIFT;
    boolean arrays = Soak.grows(settled, Sample::arrays);
    boolean files = Soak.grows(settled, Sample::files);
    boolean threads = Soak.grows(settled, Sample::threads);
    out.printf("%nFrom step %d on:%n", settled.get(0).step());
    out.printf(
        Locale.ROOT,
        "resident memory  %.0f to %.0f MiB, medians of the halves %+.1f %%: %s%n",
        settled.stream().mapToLong(Sample::residentBytes).min().orElse(0) / 1048576.0,
        settled.stream().mapToLong(Sample::residentBytes).max().orElse(0) / 1048576.0,
        100 * drift,
        memory ? "CHANGES by more than 5 %" : "flat");
    out.printf("native arrays    %s%n", arrays ? "GROW" : "flat");
    out.printf("open files       %s%n", files ? "GROW" : "flat");
    out.printf("threads          %s%n", threads ? "GROW" : "flat");
    return ExitCode.check(!(memory || arrays || files || threads));
  }
}
