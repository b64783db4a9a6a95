package dev.palimpsest.cli.commands;

import com.google.inject.Guice;
import com.google.inject.Stage;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.operating.EndCommand;
import dev.palimpsest.cli.operating.MetricsServer;
import dev.palimpsest.cli.operating.ProcessState;
import dev.palimpsest.cli.operating.WatchOptions;
import dev.palimpsest.cli.pages.RunReport;
import dev.palimpsest.cli.reports.Report;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunTable;
import dev.palimpsest.cli.runs.RunOutcome;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.Failure;
import dev.palimpsest.cli.terminal.RankLog;
import dev.palimpsest.cli.terminal.RunLog;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.GateClosedException;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.StageResult;
import dev.palimpsest.stages.folder.RunEnd;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.folder.RunFolderInUseException;
import dev.palimpsest.stages.goodput.Goodput;
import dev.palimpsest.stages.goodput.Ledger;
import dev.palimpsest.stages.preparation.Epochs;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.StoppedException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
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
      "SIGINT, SIGTERM and SIGHUP end the run after the current step with its state saved and exit code 75; a second signal ends it at once.",
      "Started by mpirun, its processes train together: rank 0 prepares, writes and scores; a signal to any of them stops all."
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

  @Option(
      names = "--until",
      paramLabel = "STAGE",
      description =
          "Ends after this stage. The same command without it, or with a later stage, continues.")
  @Nullable String until;

  @Option(
      names = "--share",
      paramLabel = "DIR",
      description =
          "A folder that several runs name: a stage that one of them has finished with the same settings, data and parents is taken over by the others instead of trained again.")
  @Nullable Path share;

  @Option(
      names = "--json",
      description = {
        "Prints one JSON object at the end, in place of a table: stages, losses, scores, checkpoints, exports, goodput.",
        "Also of a run that ended early, once it has begun. Everything else is on standard error."
      })
  boolean json;

  @Mixin WatchOptions watch;

  /** Whether the run folder says how this process has ended the run. */
  private boolean ended;

  @Override
  public Integer call() {
    Path folder = recipe.folder();
    PipelineConfig config = recipe.bind();
    PipelineRunner.requireStages(config, "--accept-changes", acceptChanges);
    PipelineRunner.requireStages(config, "--until", until == null ? Set.of() : Set.of(until));
    ProcessGroup group = ProcessGroup.fromEnvironment(System.getenv());
    RankLog.speakAs(group.rank());
    log.info("process group: {}", group.describe());
    StopRequest stop = new StopRequest();
    PrintWriter err = spec.commandLine().getErr();
    Optional<InetSocketAddress> address = watch.address(group);
    RunFolder run = new RunFolder(folder);
    Runnable lastWords =
        () -> {
          if (group.isFirst()) {
            RunEnd.write(run, ExitCode.STOPPED.code(), "stopped by a signal");
            ended = true;
            tell(run);
          }
        };
    try (@Nullable RunLog file = group.isFirst() ? RunLog.open(run.log()) : null;
        Signals signals = Signals.stop(stop, err, lastWords);
        Machine machine = device.open(config.computeThreads(), group)) {
      Collectives ranks =
          group.connect(
              start(config, folder),
              machine,
              folder.resolve("ranks"),
              Duration.ofSeconds(config.ranks().timeoutSeconds()),
              machine.hasSpare(
                  config.ranks().overlap(), config.computeThreads(), group.localWorldSize()));
      try (ProcessState state =
              new ProcessState(
                  watch.heartbeat(run.process(group.rank())), group, watch.patience());
          MetricsServer metrics =
              address
                  .map(a -> MetricsServer.start(a, group, state, Environment.version()))
                  .orElse(null);
          Ledger ledger = new Ledger(run.goodput(), began())) {
        stop.onMade(state::askedToStop);
        List<Progress> watchers = new ArrayList<>(List.of(state));
        if (ranks.isFirst()) {
          state.onBeat(ledger::beat);
          watchers.add(ledger);
        }
        if (metrics != null) {
          log.info("metrics: http:/{}/metrics", metrics.address());
          watchers.add(metrics);
        }
        PipelineRunner runner =
            Guice.createInjector(Stage.PRODUCTION, new RunModule(machine, stop, ranks, watchers))
                .getInstance(PipelineRunner.class);
        try {
          int code =
              ranks.isFirst()
                  ? lead(runner, config, run, machine, ranks)
                  : follow(runner, config, run, ranks);
          state.end(code, code == ExitCode.DONE.code() ? "done" : "ended with the first rank");
          if (ranks.isFirst() && config.onEnd() != null) {
            EndCommand.run(config.onEnd(), run.root(), code, false, "");
          }
          return code;
        } catch (RuntimeException | Error thrown) {
          Failure failure = Failure.of(thrown, "run");
          state.end(failure.code(), failure.message());
          if (file != null && !(thrown instanceof RunFolderInUseException)) {
            ended = true;
            ended(run, file, failure, thrown);
            // Who has stopped it knows; nothing may keep the process from ending then.
            if (config.onEnd() != null && failure.code() != ExitCode.STOPPED.code()) {
              boolean gate = thrown instanceof GateClosedException;
              EndCommand.run(config.onEnd(), run.root(), failure.code(), gate, failure.message());
            }
          }
          throw thrown;
        }
      } finally {
        if (ranks.isFirst() && ended) { // and it was this process that ended it
          Goodput.read(run.goodput()).table().forEach(log::info);
          tell(run);
        }
      }
    }
  }

  /** What every rank of a run has to have in common. */
  private static Map<String, String> start(PipelineConfig config, Path folder) {
    Map<String, String> start = new LinkedHashMap<>(Fingerprint.values(config));
    start.put("--out", folder.toAbsolutePath().normalize().toString());
    start.put("the program's version", Environment.version());
    return start;
  }

  /** For programs; that it cannot be told does not change how the run ended. */
  private void tell(RunFolder run) {
    if (!json || !ended || !RunData.isRun(run.root())) {
      return;
    }
    try {
      spec.commandLine().getOut().print(Json.indented(RunOutcome.of(run.root())));
      spec.commandLine().getOut().flush();
    } catch (RuntimeException e) {
      log.warn("what the run gave cannot be told", e);
    }
  }

  /** Records why the run ended, in its log, for {@code status} and in its page. */
  private static void ended(RunFolder run, RunLog file, Failure failure, Throwable thrown) {
    file.end(failure.message(), thrown);
    RunEnd.write(run, failure.code(), failure.message());
    if (RunData.isRun(run.root()) && failure.code() != ExitCode.STOPPED.code()) {
      page(run);
    }
  }

  /** Written beside everything else: that it cannot be does not change how the run ended. */
  private static Optional<Path> page(RunFolder run) {
    try {
      return Optional.of(RunReport.write(run.root()));
    } catch (RuntimeException e) {
      log.warn("report.html was not written", e);
      return Optional.empty();
    }
  }

  /** When this process began. */
  private static Instant began() {
    return Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());
  }

  private int lead(
      PipelineRunner runner,
      PipelineConfig config,
      RunFolder run,
      Machine machine,
      Collectives ranks) {
    Map<String, Object> environment = Environment.facts(machine.device());
    environment.put("ranks", ranks.size());
    environment.put("transport", ranks.transport());
    environment.put("overlap", ranks.isBeside());
    try {
      List<StageResult> results = results(runner, config, run, environment);
      Path report = Report.write(run, resolved(config, run), results);
      RunEnd.write(run, ExitCode.DONE.code(), "");
      ended = true;
      Optional<Path> page = page(run);
      if (!json) {
        PrintWriter out = spec.commandLine().getOut();
        RunTable.of(RunData.read(run.root())).forEach(out::println);
        out.println(report);
        page.ifPresent(out::println);
      }
      runner.end(ExitCode.DONE.code());
      ranks.close();
      return ExitCode.DONE.code();
    } catch (RuntimeException e) {
      if (runner.end(Failure.of(e, "run").code()) || isAgreed(e)) {
        ranks.close();
      }
      throw e;
    }
  }

  private List<StageResult> results(
      PipelineRunner runner,
      PipelineConfig config,
      RunFolder run,
      Map<String, Object> environment) {
    try {
      return runner.run(config, run, environment, acceptChanges, until, share);
    } catch (GateClosedException closed) {
      Path report = Report.write(run, resolved(config, run), closed.results());
      if (!json) {
        spec.commandLine().getOut().println(report);
      }
      throw closed;
    }
  }

  /** The first rank says what happened. */
  private static int follow(
      PipelineRunner runner, PipelineConfig config, RunFolder run, Collectives ranks) {
    int code;
    try {
      code = runner.follow(config, run);
    } catch (RuntimeException e) {
      if (!isAgreed(e)) {
        throw e;
      }
      code = Failure.of(e, "run").code();
    }
    ranks.close();
    return code;
  }

  /** Whether every rank ends a stage with this exception, at the same step. */
  private static boolean isAgreed(RuntimeException e) {
    return e instanceof StoppedException || e instanceof DivergenceException;
  }

  /** The recipe as it was run, with numbers of examples in the place of epochs. */
  private static PipelineConfig resolved(PipelineConfig config, RunFolder run) {
    return Epochs.isAskedFor(config)
        ? Recipes.bind(
            run.root().resolve("recipe.yaml"), List.of(), Map.of("run", run.root().toString()))
        : config;
  }
}
