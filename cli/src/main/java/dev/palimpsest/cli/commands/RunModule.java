package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDManager;
import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import dev.palimpsest.cli.terminal.PlainProgress;
import dev.palimpsest.cli.terminal.TerminalProgress;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;

/**
 * Wires what lives as long as the process. What lives for a stage or a step is made where the
 * reader sees it.
 */
final class RunModule extends AbstractModule {
  private final PrintWriter err;
  private final StopRequest stop;

  RunModule(PrintWriter err, StopRequest stop) {
    this.err = err;
    this.stop = stop;
  }

  @Override
  protected void configure() {
    binder().requireExplicitBindings();
    binder().requireAtInjectOnConstructors();
    binder().requireExactBindingAnnotations();
    binder().disableCircularProxies();
  }

  @Provides
  @Singleton
  Kernels kernels() {
    return Kernels.load();
  }

  @Provides
  @Singleton
  NDManager manager() {
    return NDManager.newBaseManager();
  }

  @Provides
  @Singleton
  RunResources resources(NDManager manager, Kernels kernels) {
    return new RunResources(manager, kernels);
  }

  /** The launcher keeps the older meaning of a console on newer JVMs: none without a terminal. */
  @Provides
  @Singleton
  @SuppressWarnings("SystemConsoleNull")
  Progress progress() {
    return System.console() != null ? new TerminalProgress() : new PlainProgress(err);
  }

  @Provides
  @Singleton
  PipelineRunner runner(NDManager manager, Kernels kernels, Progress progress) {
    return new PipelineRunner(manager, kernels, progress, stop);
  }
}
