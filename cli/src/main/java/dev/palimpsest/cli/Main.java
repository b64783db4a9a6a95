package dev.palimpsest.cli;

import dev.palimpsest.checkpoints.CheckpointFormatException;
import dev.palimpsest.checkpoints.CheckpointWriteException;
import dev.palimpsest.cli.certify.CertifyCommand;
import dev.palimpsest.cli.chaos.ChaosCommand;
import dev.palimpsest.cli.machine.UnusableDeviceException;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.mixtures.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.stages.ContaminatedException;
import dev.palimpsest.stages.DivergenceException;
import dev.palimpsest.stages.GateClosedException;
import dev.palimpsest.stages.RunFolderInUseException;
import dev.palimpsest.stages.StoppedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line: {@code palimpsest COMMAND ...}. Each command is a class of this package. */
@Command(
    name = "palimpsest",
    mixinStandardHelpOptions = true,
    version = "palimpsest 0.1.0",
    description =
        "Trains vision-language models in stages, from published towers to base checkpoints.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      RunCommand.class,
      MixtureCommand.class,
      DedupCommand.class,
      ChaosCommand.class,
      PredictCommand.class,
      PlaygroundCommand.class,
      CertifyCommand.class,
      ScoreCommand.class,
      LineageCommand.class,
      ReproduceCommand.class,
      ReplayCommand.class,
      EvalCommand.class,
      TasksCommand.class,
      BenchCommand.class,
    })
public final class Main implements Runnable {
  /** Exit code of a mistake that the user can mend: in a recipe, an option, a file. */
  static final int USER_MISTAKE = 2;

  /** Exit code of a run that was asked to stop and can go on: sysexits' EX_TEMPFAIL. */
  static final int STOPPED = 75;

  @CommandLine.Spec CommandLine.Model.CommandSpec spec;

  private Main() {}

  /** Runs the command line and exits with its code. */
  @SuppressWarnings("try") // the handlers are used by being set
  public static void main(String[] args) {
    try (Signals signals = Signals.end()) {
      System.exit(commandLine().execute(args));
    }
  }

  /** The command line, for tests as well. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setExecutionExceptionHandler(Main::explain);
    line.setUsageHelpAutoWidth(true);
    return line;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /**
   * A user's mistake gets its message and code 2, a stopped run its message and code 1, a defect
   * its stack trace.
   */
  private static int explain(Exception e, CommandLine line, CommandLine.ParseResult parsed)
      throws Exception {
    PrintWriter err = line.getErr();
    if (e instanceof InvalidConfigException invalid) {
      int n = invalid.problems().size();
      err.println(n == 1 ? "1 mistake:" : n + " mistakes:");
      for (Problem problem : invalid.problems()) {
        err.println("  " + problem);
      }
      return USER_MISTAKE;
    }
    if (e instanceof DivergenceException
        || e instanceof GateClosedException
        || e instanceof ContaminatedException) {
      err.println(e.getMessage());
      return 1;
    }
    if (e instanceof StoppedException) {
      err.println(e.getMessage());
      return STOPPED;
    }
    if (e instanceof UncheckedIOException io) {
      err.println(io.getMessage() + ": " + io.getCause());
      return USER_MISTAKE;
    }
    if (e instanceof IOException) {
      err.println("cannot read or write: " + e);
      return USER_MISTAKE;
    }
    if (e instanceof UserMistake
        || e instanceof UnusableDeviceException
        || e instanceof RunFolderInUseException
        || e instanceof CheckpointWriteException
        || e instanceof BadExampleException
        || e instanceof MalformedFileException
        || e instanceof CheckpointFormatException) {
      err.println(e.getMessage());
      return USER_MISTAKE;
    }
    throw e;
  }
}
