package dev.palimpsest.cli.commands;

import com.google.inject.Guice;
import com.google.inject.Injector;
import com.google.inject.Stage;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.reports.Report;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.stages.GateClosedException;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.StageResult;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest run}: the whole pipeline of a recipe. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a recipe: imports, trains and scores its stages in order, and writes a report.",
      "Run the same command again to resume a run that stopped; finished stages are not repeated.",
      "SIGINT, SIGTERM and SIGHUP end the run after the current step with its state saved and exit code 75; a second signal ends it at once."
    })
@SuppressWarnings("try") // the resources are used by being open
public final class RunCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(RunCommand.class);

  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Mixin DeviceOption device;

  @Option(
      names = "--accept-changes",
      paramLabel = "STAGE",
      description = {
        "Accepts the contents of a stage's folder although they were made with other settings or data:",
        "a finished stage is kept as it is, an unfinished one resumes from its last checkpoint. The lineage records the change."
      })
  Set<String> acceptChanges = Set.of();

  @Override
  public Integer call() {
    Path folder = recipe.folder();
    PipelineConfig config = recipe.bind();
    ProcessGroup group = ProcessGroup.fromEnvironment(System.getenv());
    log.info("process group: {}", group.describe());
    StopRequest stop = new StopRequest();
    PrintWriter err = spec.commandLine().getErr();
    try (Signals signals = Signals.stop(stop, err);
        Machine machine = device.open(config.computeThreads())) {
      Injector injector = Guice.createInjector(Stage.PRODUCTION, new RunModule(machine, err, stop));
      RunFolder run = new RunFolder(folder);
      List<StageResult> results;
      try {
        results =
            injector
                .getInstance(PipelineRunner.class)
                .run(config, run, Environment.facts(machine.device()), acceptChanges);
      } catch (GateClosedException closed) {
        spec.commandLine().getOut().println(Report.write(run, config, closed.results()));
        throw closed;
      }
      Path report = Report.write(run, config, results);
      spec.commandLine().getOut().println(report);
      return CommandLine.ExitCode.OK;
    }
  }
}
