package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What a recipe will cost.
 *
 * @param recipe its name
 * @param formula how operations are counted
 * @param hardware what it is planned for
 * @param stages in the recipe's order
 */
public record Plan(String recipe, String formula, Hardware hardware, List<StagePlan> stages) {
  /**
   * Plans a recipe.
   *
   * @param samples a sample of a stage's examples, if its data is there
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when a stage's groups do not fit
   *     the model
   */
  public static Plan of(
      PipelineConfig recipe, Hardware hardware, Function<StageConfig, Optional<Sample>> samples) {
    return new Plan(
        recipe.name(),
        ModelCost.FLOPS_FORMULA,
        hardware,
        recipe.stages().stream()
            .map(stage -> StagePlan.of(stage, recipe.model(), hardware, samples.apply(stage)))
            .toList());
  }

  /** The same without the stages after one of them. */
  public Plan until(String last) {
    int end = stages.stream().map(StagePlan::name).toList().indexOf(last) + 1;
    return new Plan(recipe, formula, hardware, stages.subList(0, end));
  }

  /** Bytes that the run folder holds at its end. */
  public long diskAtTheEnd() {
    return stages.stream().mapToLong(stage -> stage.diskKept() + stage.exportBytes()).sum();
  }

  /** Bytes that the run folder holds at the most, data not counted. */
  public long diskAtMost() {
    long kept = 0;
    long most = 0;
    for (StagePlan stage : stages) {
      most = Math.max(most, kept + stage.diskWhileTraining());
      kept += stage.diskKept() + stage.exportBytes();
      most = Math.max(most, kept);
    }
    return most;
  }
}
