package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.cli.terminal.UserMistake;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of the commands that measure a model. */
final class ModelBench {
  @Option(names = "--threads", description = "Compute threads. Default: all processors.")
  @Nullable Integer threads;

  @Mixin private JsonOption json;

  @Mixin DeviceOption device;

  /** Compute threads. */
  int threads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** Opens the device, with the threads asked for. */
  Machine open() {
    requirePositive("--threads", threads());
    return device.open(threads());
  }

  /** Refuses a count below 1. */
  static void requirePositive(String option, int count) {
    if (count < 1) {
      throw new UserMistake(option + " must be 1 or more, got " + count);
    }
  }

  /** Where a table is printed. */
  PrintWriter table(CommandSpec spec) {
    return json.table(spec);
  }

  /** Tells the figures as JSON, if that was asked for. */
  void tell(CommandSpec spec, Object figures) {
    json.tell(spec, figures);
  }
}
