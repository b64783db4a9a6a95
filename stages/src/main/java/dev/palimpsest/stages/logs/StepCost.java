package dev.palimpsest.stages.logs;

import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.stages.step.TrainStep;
import java.util.List;
import java.util.Set;

/**
 * What a stage's steps compute.
 *
 * @param model of the stage, at its resolution
 * @param trained parts of the model of which something is trained
 * @param peak what the device can do at most
 */
public record StepCost(ModelCost model, Set<ModelCost.Part> trained, Peak peak) {
  /** Operations of the forward and backward passes, without recomputation. */
  public double flops(List<TrainStep.Part> parts) {
    return parts.stream()
        .mapToDouble(
            part ->
                model.flops(part.pass(), ModelCost.GRAPH_BUDGET, trained).withoutRecomputation())
        .sum();
  }
}
