package dev.palimpsest.cli.bench;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench}: measurements on this machine. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Measures performance on this machine.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      BenchAllCommand.class,
      BenchStepCommand.class,
      BenchRanksCommand.class,
      BenchDataCommand.class,
      BenchSoakCommand.class,
      BenchEvalCommand.class,
      BenchCheckpointCommand.class
    })
public final class BenchCommand implements Runnable {
  @Spec CommandLine.Model.CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
