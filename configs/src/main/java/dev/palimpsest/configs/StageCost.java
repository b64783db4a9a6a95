package dev.palimpsest.configs;

import dev.palimpsest.configs.ModelCost.Flops;
import dev.palimpsest.configs.ModelCost.Use;
import java.util.Map;

/**
 * What a stage costs, with one picture an example and no examples packed together.
 *
 * @param example operations of one example
 * @param total operations of the whole stage
 * @param bytes as in {@link ModelCost#trainingBytes}, of a micro batch; all parameters are trained
 */
public record StageCost(Flops example, Flops total, Map<Use, Long> bytes) {
  /** Cost of a stage of a recipe's model. */
  public static StageCost of(StageConfig stage, ModelConfig model) {
    ModelCost cost = new ModelCost(stage.model(model), stage.resolution(), stage.precision());
    int microBatch = Math.max(1, stage.microBatchSize());
    ModelCost.Pass pass = cost.pass(microBatch, stage.textTokens());
    Flops example = cost.flops(pass, ModelCost.GRAPH_BUDGET).times(1.0 / microBatch);
    return new StageCost(
        example,
        example.times((double) stage.examples()),
        cost.trainingBytes(
            pass,
            cost.parameterCount(),
            stage.optimizer() == null ? 0 : stage.optimizer().momentBytes(),
            ModelCost.GRAPH_BUDGET,
            ModelCost.LOGITS));
  }

  /**
   * The most that a step moves between memory and disk; what is still in memory is not read again.
   *
   * @param read bytes
   * @param written bytes
   */
  public record Traffic(long read, long written) {}

  /**
   * Traffic of a stage's step for the arrays that it keeps on disk. All parameters are read for
   * each micro batch, forward and, since blocks are run again, backward, and once for the update;
   * gradients are added up a micro batch at a time, and read for their norm and for the update.
   * Where gradients are recomputed there are two passes, and a parameter is updated during the
   * second one.
   *
   * @param bytes of the stage's arrays, wherever they are
   */
  public static Traffic traffic(StageConfig stage, Map<Use, Long> bytes) {
    StorageConfig storage = stage.storage();
    long microBatches = stage.batchSize() / stage.microBatchSize();
    long parameters = storage.parametersOnDisk(bytes.getOrDefault(Use.PARAMETERS, 0L));
    long gradients =
        storage.gradients() == StorageConfig.Gradients.DISK
            ? bytes.getOrDefault(Use.GRADIENTS, 0L)
            : 0;
    long moments =
        storage.moments() == StorageConfig.Storage.DISK ? bytes.getOrDefault(Use.MOMENTS, 0L) : 0;
    long readings =
        storage.gradients() == StorageConfig.Gradients.RECOMPUTED ? 4 : 2 * microBatches + 1;
    return new Traffic(
        parameters * readings + gradients * (microBatches + 1) + moments,
        parameters + gradients * microBatches + moments);
  }
}
