package dev.palimpsest.cli.commands;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest report}: a run on one page. */
@Command(
    name = "report",
    mixinStandardHelpOptions = true,
    description = {
      "Writes report.html into a run's folder: one file without need of a network.",
      "A run does this at its end; here it is done again, or for a run under way."
    })
public final class ReportCommand implements Runnable {
  @Spec CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "RUN", description = "Folders of runs.")
  List<Path> runs;

  @Override
  public void run() {
    runs.forEach(run -> spec.commandLine().getOut().println(RunReport.write(run)));
  }
}
