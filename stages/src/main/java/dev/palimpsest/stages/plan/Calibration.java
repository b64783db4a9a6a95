package dev.palimpsest.stages.plan;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import dev.palimpsest.stages.step.TrainStep;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Measures how fast this machine trains a stage: a few of its steps, on its own examples. */
public final class Calibration {
  /** Steps in which a process compiles its kernels and allocates its memory. */
  static final int WARM_UP = 2;

  /**
   * Short steps are timed for so long, unless the stage is over before: the JVM compiles meanwhile.
   */
  private static final double LEAST_SECONDS = 6;

  private Calibration() {}

  /**
   * Median seconds of a step, waiting for data included, over the later half of those that are
   * timed. The parameters are drawn, because their values do not change the time.
   *
   * @param manager all arrays made here belong to children of it
   * @param position of the first example in the mixture's order
   * @param steps timed at least, after those of the warm-up
   * @param scratch folder for arrays that the stage keeps on disk
   */
  public static double secondsAStep(
      NDManager manager,
      Kernels kernels,
      PipelineConfig recipe,
      StageConfig stage,
      Mixture mixture,
      long position,
      int steps,
      Path scratch) {
    ModelConfig model = stage.model(recipe.model());
    Storage storage = new Storage(stage.storage(), scratch);
    int readers = Math.max(1, Runtime.getRuntime().availableProcessors());
    try (NDManager own = manager.newSubManager();
        Mixture.BatchStream batches =
            mixture.batches(position, stage.batchSize(), stage.microBatchSize(), readers)) {
      Parameters parameters = Initialization.random(own, model, stage.resolution(), recipe.seed());
      ParameterGroups groups =
          ParameterGroups.of(
              stage.requiredOptimizer(), parameters.names(), Math.max(1, stage.examples()));
      Optimizer optimizer = Optimizer.of(stage.requiredOptimizer(), groups, kernels);
      TrainStep step =
          new TrainStep(
              Models.of(model, stage.precision(), kernels),
              stage,
              optimizer,
              storage,
              recipe.seed());
      TrainState state =
          optimizer.prepared(
              own, new TrainState(parameters, Map.of(), 0, 0, 0, "calibration", position), storage);
      Packing packing = Packing.of(stage, model);
      List<Double> seconds = new ArrayList<>();
      double spent = 0;
      for (int i = -WARM_UP;
          i < steps || (spent < LEAST_SECONDS && i < stage.steps() - WARM_UP);
          i++) {
        long began = System.nanoTime();
        step.run(own, state, micro -> MicroBatch.upload(micro, batches.next(), packing));
        kernels.await();
        if (i >= 0) {
          seconds.add((System.nanoTime() - began) / 1e9);
          spent += seconds.get(i);
        }
      }
      double[] later =
          seconds.stream().skip(seconds.size() / 2).mapToDouble(Double::doubleValue).toArray();
      Arrays.sort(later);
      return (later[later.length / 2] + later[(later.length - 1) / 2]) / 2;
    }
  }
}
