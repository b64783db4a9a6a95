package dev.palimpsest.cli.commands;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.PlainProgress;
import dev.palimpsest.cli.terminal.TerminalProgress;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;

/**
 * Wires the objects that live as long as the process. Objects that live for a stage or a step are
 * created where they are used.
 */
final class RunModule extends AbstractModule {
  private final Machine machine;
  private final PrintWriter err;
  private final StopRequest stop;
  private final Collectives ranks;

  /**
   * Creates a run's wiring.
   *
   * @param machine open for as long as the wired objects are used
   */
  RunModule(Machine machine, PrintWriter err, StopRequest stop, Collectives ranks) {
    this.machine = machine;
    this.err = err;
    this.stop = stop;
    this.ranks = ranks;
  }

  @Override
  protected void configure() {
    binder().requireExplicitBindings();
    binder().requireAtInjectOnConstructors();
    binder().requireExactBindingAnnotations();
    binder().disableCircularProxies();
  }

  /**
   * On newer JVMs the launcher keeps the older meaning of a console: there is none without a
   * terminal.
   */
  @Provides
  @Singleton
  @SuppressWarnings("SystemConsoleNull")
  Progress progress() {
    return System.console() != null ? new TerminalProgress() : new PlainProgress(err);
  }

  @Provides
  @Singleton
  PipelineRunner runner(Progress progress) {
    return new PipelineRunner(machine.manager(), machine.kernels(), progress, stop, ranks);
  }
}
