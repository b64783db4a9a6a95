package dev.palimpsest.cli.commands;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import dev.palimpsest.cli.machine.GemmPeak;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.EngineFacts;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.Watchers;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Wires the objects that live as long as the process. Objects that live for a stage or a step are
 * created where they are used.
 */
final class RunModule extends AbstractModule {
  private final Machine machine;
  private final StopRequest stop;
  private final Collectives ranks;
  private final List<Progress> watchers;
  private final Map<Precision, Peak> peaks = new EnumMap<>(Precision.class);

  /**
   * Creates a run's wiring.
   *
   * @param machine open for as long as the wired objects are used
   * @param watchers of the run's progress, besides what is shown
   */
  RunModule(Machine machine, StopRequest stop, Collectives ranks, List<Progress> watchers) {
    this.machine = machine;
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

  @Provides
  @Singleton
  Progress progress() {
    List<Progress> all = new ArrayList<>(watchers);
    if (ranks.isFirst()) {
      all.add(RunProgress.here());
    }
    return new Watchers(all);
  }

  @Provides
  @Singleton
  PipelineRunner runner(Progress progress) {
    return new PipelineRunner(
        machine.manager(),
        machine.kernels(),
        progress,
        stop,
        ranks,
        precision ->
            peaks.computeIfAbsent(precision, p -> GemmPeak.of(machine, p, EngineFacts.threads())));
  }
}
