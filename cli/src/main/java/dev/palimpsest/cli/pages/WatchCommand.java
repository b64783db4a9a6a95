package dev.palimpsest.cli.pages;

import dev.palimpsest.cli.operating.ListenAddress;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest watch}: a run's page, live. */
@Command(
    name = "watch",
    mixinStandardHelpOptions = true,
    description = {
      "Serves the page of a run, which follows the run while it is open in a browser.",
      "On loopback unless a host is given, and without a password. SIGINT or SIGTERM ends it."
    })
public final class WatchCommand implements Callable<Integer> {
  private static final long LOOK_MILLIS = 50;

  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "RUN", description = "A run folder.")
  Path run;

  @Option(
      names = "--listen",
      paramLabel = "[HOST:]PORT",
      defaultValue = "7007",
      description =
          "Where to serve; 0 takes any free port, 0.0.0.0:PORT all interfaces. Default: ${DEFAULT-VALUE} on loopback.")
  String listen;

  @Override
  @SuppressWarnings("try") // signals are used by being handled
  public Integer call() throws InterruptedException {
    RunData.read(run); // tells a mistake before anything is served
    StopRequest stop = new StopRequest();
    PrintWriter out = spec.commandLine().getOut();
    try (Signals signals = Signals.stop(stop, spec.commandLine().getErr());
        LivePage page = LivePage.serve(run, ListenAddress.of("--listen", listen, 0))) {
      out.println("http://%s/".formatted(page.authority()));
      out.flush();
      while (!stop.isMade()) {
        Thread.sleep(LOOK_MILLIS);
      }
    }
    return ExitCode.DONE.code();
  }
}
