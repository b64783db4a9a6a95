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
import dev.palimpsest.stages.training.Watchers;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * Wires the objects that live as long as the process. Objects that live for a stage or a step are
 * created where they are used.
 */
final class RunModule extends AbstractModule {
  private final Machine machine;
  private final PrintWriter err;
  private final StopRequest stop;
  private final Collectives ranks;
  private final List<Progress> watchers;

  /**
   * Creates a run's wiring.
   *
   * @param machine open for as long as the wired objects are used
   * @param watchers of the run's progress, besides what is shown
   */
  RunModule(
      Machine machine,
      PrintWriter err,
      StopRequest stop,
      Collectives ranks,
      List<Progress> watchers) {
    this.machine = machine;
    this.err = err;
    this.stop = stop;
    this.ranks = ranks;
    this.watchers = watchers;
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
    List<Progress> all = new ArrayList<>(watchers);
    if (ranks.isFirst()) {
      all.add(System.console() != null ? new TerminalProgress() : new PlainProgress(err));
    }
    return new Watchers(all);
  }

  @Provides
  @Singleton
  PipelineRunner runner(Progress progress) {
    return new PipelineRunner(machine.manager(), machine.kernels(), progress, stop, ranks);
  }
}
