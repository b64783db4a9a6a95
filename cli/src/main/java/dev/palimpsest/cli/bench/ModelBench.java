package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of the commands that measure a model. */
final class ModelBench {
  @Option(names = "--threads", description = "Compute threads. Default: all processors.")
  @Nullable Integer threads;

  @Option(names = "--json", paramLabel = "FILE", description = "Also writes the figures as JSON.")
  @Nullable Path json;

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

  /** Writes the figures if a file was named for them. */
  void write(Object figures) {
    if (json != null) {
      RunFolder.writeJson(json, figures);
    }
  }
}
