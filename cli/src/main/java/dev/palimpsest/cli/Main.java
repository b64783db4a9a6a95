package dev.palimpsest.cli;

import dev.palimpsest.cli.ablation.AblateCommand;
import dev.palimpsest.cli.bench.BenchCommand;
import dev.palimpsest.cli.certify.CertifyCommand;
import dev.palimpsest.cli.chaos.ChaosCommand;
import dev.palimpsest.cli.commands.DedupCommand;
import dev.palimpsest.cli.commands.DoctorCommand;
import dev.palimpsest.cli.commands.Environment;
import dev.palimpsest.cli.commands.EvalCommand;
import dev.palimpsest.cli.commands.ExportCommand;
import dev.palimpsest.cli.commands.FabricateCommand;
import dev.palimpsest.cli.commands.GoodputCommand;
import dev.palimpsest.cli.commands.InspectCommand;
import dev.palimpsest.cli.commands.LineageCommand;
import dev.palimpsest.cli.commands.MixtureCommand;
import dev.palimpsest.cli.commands.PlanCommand;
import dev.palimpsest.cli.commands.PlaygroundCommand;
import dev.palimpsest.cli.commands.PredictCommand;
import dev.palimpsest.cli.commands.PrepareCommand;
import dev.palimpsest.cli.commands.PruneCommand;
import dev.palimpsest.cli.commands.ReplayCommand;
import dev.palimpsest.cli.commands.ReproduceCommand;
import dev.palimpsest.cli.commands.RunCommand;
import dev.palimpsest.cli.commands.ScoreCommand;
import dev.palimpsest.cli.commands.StatusCommand;
import dev.palimpsest.cli.commands.TasksCommand;
import dev.palimpsest.cli.engines.EngineCommand;
import dev.palimpsest.cli.launch.LaunchCommand;
import dev.palimpsest.cli.pages.ReportCommand;
import dev.palimpsest.cli.pages.WatchCommand;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.Failure;
import dev.palimpsest.cli.terminal.RankLog;
import dev.palimpsest.cli.terminal.Screen;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.cli.verify.VerifyExportCommand;
import dev.palimpsest.configs.checks.LocalPaths;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The command line: {@code palimpsest COMMAND ...}. Each command is a class, most of them in {@code
 * cli.commands}.
 */
@Command(
    name = "palimpsest",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description =
        "Trains vision-language models in stages, from published towers to base checkpoints.",
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "Exit codes:%n",
    subcommands = {
      RunCommand.class,
      LaunchCommand.class,
      AblateCommand.class,
      GoodputCommand.class,
      PlanCommand.class,
      ReportCommand.class,
      WatchCommand.class,
      StatusCommand.class,
      PruneCommand.class,
      MixtureCommand.class,
      DedupCommand.class,
      ChaosCommand.class,
      PredictCommand.class,
      PrepareCommand.class,
      PlaygroundCommand.class,
      FabricateCommand.class,
      CertifyCommand.class,
      ScoreCommand.class,
      LineageCommand.class,
      ReproduceCommand.class,
      ReplayCommand.class,
      EvalCommand.class,
      ExportCommand.class,
      VerifyExportCommand.class,
      TasksCommand.class,
      BenchCommand.class,
      InspectCommand.class,
      DoctorCommand.class,
      EngineCommand.class,
      CompletionCommand.class,
    })
public final class Main implements Runnable {
  @CommandLine.Spec CommandLine.Model.CommandSpec spec;

  @Option(
      names = "--trace",
      scope = CommandLine.ScopeType.INHERIT,
      description = "Prints the stack trace of a failure.")
  boolean trace;

  /** Taken by the launcher, which starts the JVM with the engine's libraries. */
  @Option(
      names = "--engine",
      scope = CommandLine.ScopeType.INHERIT,
      paramLabel = "cpu|cuda|DIR",
      description =
          "Before the command: what to compute with. cpu; cuda, which is fetched once; or the folder"
              + " of libtorch.so in a PyTorch of your own. Default: $PALIMPSEST_ENGINE, or cpu.")
  @Nullable String engine;

  private Main() {}

  /** Runs the command line and exits with its code. */
  @SuppressWarnings("try") // the handlers are used by being set
  public static void main(String[] args) {
    Locale.setDefault(
        Locale.ROOT); // numbers are written as in English, whatever the machine's language
    Screen out = Screen.out();
    Screen err = Screen.err();
    CommandLine line = commandLine().setOut(out.printer()).setErr(err.printer());
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, thrown) -> {
          Failure failure = Failure.of(thrown, "");
          line.getErr().println(thread.getName() + ": " + failure.message());
          if (failure.code() == ExitCode.HEAP_EXHAUSTED.code()) {
            // Others may wait for this thread for ever.
            line.getErr().flush();
            Runtime.getRuntime().halt(failure.code());
          }
        });
    try (Signals signals = Signals.end(Main::endChildren)) {
      int code = line.execute(args);
      line.getOut().flush();
      if (out.failure().isPresent()) {
        line.getErr().println("cannot write the output: " + out.failure().get().getMessage());
        code = code == 0 ? ExitCode.MISTAKE.code() : code;
      }
      line.getErr().flush();
      System.exit(code);
    }
  }

  /** Runs that {@code chaos} kills, or a peer of {@code bench}, must not outlive this process. */
  private static void endChildren() {
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
  }

  private static Path localPath(String text) {
    LocalPaths.mistake(text)
        .ifPresent(
            mistake -> {
              throw new CommandLine.TypeConversionException(mistake);
            });
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new CommandLine.TypeConversionException("not the name of a file: " + e.getMessage());
    }
  }

  /** The command line, for tests as well. */
  public static CommandLine commandLine() {
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.getCommandSpec().usageMessage().exitCodeList(ExitCode.table());
    footers(line);
    line.getHelpSectionMap()
        .put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING, help -> "");
    line.getHelpSectionMap()
        .put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST, new CommandGroups());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.registerConverter(Path.class, Main::localPath);
    line.setUsageHelpAutoWidth(true);
    // The screen shows control characters, those of colours as well.
    line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
    line.setParameterExceptionHandler(Main::mistaken);
    line.setExecutionStrategy(
        parsed -> {
          try {
            if (main.engine != null) {
              throw new UserMistake(
                  "--engine comes before the command: './palimpsest --engine %s %s'"
                      .formatted(
                          main.engine,
                          parsed.hasSubcommand()
                              ? parsed.subcommand().commandSpec().name()
                              : "COMMAND"));
            }
            return new CommandLine.RunLast().execute(parsed);
          } catch (CommandLine.ParameterException mistake) {
            throw mistake;
          } catch (CommandLine.ExecutionException wrapped) {
            Throwable cause = wrapped.getCause();
            return main.explain(cause == null ? wrapped : cause, parsed);
          } catch (UserMistake | Error thrown) {
            return main.explain(thrown, parsed);
          }
        });
    return line;
  }

  /** Under the help of every command: where the codes are that it ends with. */
  private static void footers(CommandLine parent) {
    for (CommandLine command : parent.getSubcommands().values()) {
      command.getCommandSpec().usageMessage().footer("", ExitCode.FOOTER);
      footers(command);
    }
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** One sentence and where to look: under the whole help nobody would find what is wrong. */
  private static int mistaken(CommandLine.ParameterException mistake, String[] arguments) {
    CommandLine command = mistake.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(mistake.getMessage());
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(mistake, err)) {
      err.printf("'%s --help' describes its options%n", command.getCommandSpec().qualifiedName());
    }
    err.flush();
    return ExitCode.MISTAKE.code();
  }

  /** Says what happened; the stack trace is shown where it is asked for, or else kept in a file. */
  private int explain(Throwable thrown, CommandLine.ParseResult parsed) {
    List<CommandLine> commands = parsed.asCommandLineList();
    CommandLine command = commands.get(commands.size() - 1);
    PrintWriter err = command.getErr();
    Failure failure = Failure.of(thrown, command.getCommandName());
    command.getOut().flush();
    err.println(RankLog.prefix() + failure.message());
    if (trace) {
      thrown.printStackTrace(err);
    } else if (failure.isTraced()) {
      err.println(kept(thrown));
    }
    err.flush();
    return failure.code();
  }

  private static String kept(Throwable thrown) {
    try {
      Path file = Files.createTempFile("palimpsest-", ".trace");
      try (PrintWriter writer =
          new PrintWriter(Files.newBufferedWriter(file, StandardCharsets.UTF_8))) {
        thrown.printStackTrace(writer);
      }
      return "the stack trace is in " + file;
    } catch (IOException | OutOfMemoryError e) {
      return "--trace shows the stack trace";
    }
  }

  /** {@code palimpsest 0.1.0}; the number is the build's. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"palimpsest " + Environment.version()};
    }
  }
}
