package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.model.PaliGemma;
import java.nio.file.Path;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Trains one stage from where its state stands to its end. Read from top to bottom: set up, then
 * step, log, evaluate, checkpoint, in the order in which they happen.
 */
final class TrainingLoop {
  private final StageConfig stage;
  private final PaliGemma model;
  private final Packing packing;
  private final Kernels kernels;
  private final Mixture mixture;
  private final long seed;
  private final Path metrics;
  private final Progress progress;

  TrainingLoop(
      StageConfig stage,
      PaliGemma model,
      Packing packing,
      Kernels kernels,
      Mixture mixture,
      long seed,
      Path metrics,
      Progress progress) {
    this.stage = stage;
    this.model = model;
    this.packing = packing;
    this.kernels = kernels;
    this.mixture = mixture;
    this.seed = seed;
    this.metrics = metrics;
    this.progress = progress;
  }

  /**
   * Runs to the stage's end.
   *
   * @param manager the stage's manager
   * @param capsules keeps the state before a step that the guard stopped at, with what it found
   * @param checkpoint saves a state; called at the recipe's cadence, not at the end
   * @param evaluate scores a state under a moment's name; called at the recipe's cadence, not at
   *     the end
   * @return the state at the end
   */
  TrainState run(
      NDManager manager,
      TrainState start,
      GuardedStep.Capsules capsules,
      Consumer<TrainState> checkpoint,
      BiConsumer<String, TrainState> evaluate) {
    // ---- Set up
    var optimizerConfig = stage.requiredOptimizer();
    ParameterGroups groups =
        ParameterGroups.of(
            optimizerConfig, start.parameters().names(), start.scheduleStart() + stage.examples());
    AdamW optimizer = new AdamW(optimizerConfig, groups, kernels);
    GuardedStep step =
        new GuardedStep(stage, new TrainStep(model, stage, groups, optimizer, seed), capsules);
    TrainState state = start;
    int batchSize = stage.batchSize();
    int readers = Math.max(1, Runtime.getRuntime().availableProcessors());
    progress.start(stage, state.examples());
    try (MetricsLog log = new MetricsLog(metrics, state.examples());
        Mixture.BatchStream batches =
            mixture.batches(state.dataPosition(), batchSize, stage.microBatchSize(), readers)) {
      while (state.examples() < stage.examples()) {
        // ---- Step
        long began = System.nanoTime();
        long waitedBefore = batches.waitedNanos();
        GuardedStep.Done done =
            step.run(manager, state, micro -> MicroBatch.upload(micro, batches.next(), packing));
        state = done.state();
        double nanos = Math.max(1, System.nanoTime() - began);
        StepMetrics line =
            new StepMetrics(
                state.examples() / batchSize,
                state.examples(),
                done.outcome(),
                nanos / 1e9,
                (batches.waitedNanos() - waitedBefore) / nanos,
                done.event());

        // ---- Log
        boolean last = state.examples() == stage.examples();
        if (last
            || done.event() != null
            || Cadence.due(stage.logEveryExamples(), batchSize, state.examples(), true)) {
          log.write(line, batchSize);
        }
        progress.step(stage, line);
        if (last) {
          break;
        }

        // ---- Evaluate, before the checkpoint: a run killed here comes back to score this moment
        if (Cadence.due(stage.evaluate().everyExamples(), batchSize, state.examples(), false)) {
          evaluate.accept("at-%012d".formatted(state.examples()), state);
        }

        // ---- Checkpoint
        if (Cadence.due(stage.checkpoint().everyExamples(), batchSize, state.examples(), false)) {
          checkpoint.accept(state);
        }
      }
    } finally {
      progress.end();
    }
    return state;
  }
}
