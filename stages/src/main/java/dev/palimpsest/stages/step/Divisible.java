package dev.palimpsest.stages.step;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.RanksConfig;
import dev.palimpsest.configs.RanksConfig.ReductionOrder;
import dev.palimpsest.configs.RanksConfig.Sharding;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.checks.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Whether a recipe can be trained by a number of ranks. It needs no rank to answer, so that what
 * launches or submits a run knows before it starts.
 */
public final class Divisible {
  private Divisible() {}

  /**
   * What prevents it.
   *
   * @param trained whether a stage is still to be trained; the others do not count
   * @param ranks the number of processes
   * @return every mistake; empty if it can be
   */
  public static List<Problem> problems(
      PipelineConfig recipe, Predicate<StageConfig> trained, int ranks) {
    List<Problem> problems = new ArrayList<>(problems(recipe.ranks(), ranks));
    recipe.stages().stream()
        .filter(stage -> stage.trains() && trained.test(stage))
        .forEach(stage -> problems.addAll(problems(stage, recipe.ranks().sharding(), ranks)));
    return problems;
  }

  /** The same without any stage. */
  static List<Problem> problems(RanksConfig config, int ranks) {
    List<Problem> problems = new ArrayList<>();
    if (config.reductionOrder() == ReductionOrder.FIXED && Integer.bitCount(ranks) != 1) {
      problems.add(
          new Problem(
              "ranks.reductionOrder",
              "fixed needs a power of two as the number of ranks, got " + ranks));
    }
    if (ranks > 1 && config.shardWithin() > 0 && ranks % config.shardWithin() != 0) {
      problems.add(
          new Problem(
              "ranks.shardWithin",
              "must divide the number of ranks, %d, got %d"
                  .formatted(ranks, config.shardWithin())));
    }
    return problems;
  }

  /** What prevents a stage from it. */
  static List<Problem> problems(StageConfig stage, Sharding sharding, int ranks) {
    List<Problem> problems = new ArrayList<>();
    int microBatches = stage.batchSize() / stage.microBatchSize();
    if (ranks > 1 && stage.storage().gradients() == StorageConfig.Gradients.RECOMPUTED) {
      problems.add(
          new Problem(
              "stages." + stage.name() + ".storage.gradients",
              "must be memory or disk, because gradients that are recomputed cannot be exchanged by the %d ranks"
                  .formatted(ranks)));
    } else if (microBatches % ranks != 0) {
      problems.add(
          new Problem(
              "stages." + stage.name() + ".microBatch",
              "the %d micro batches of a step (batchSize %d / microBatch %d) cannot be divided evenly among %d ranks; with microBatch %s they can"
                  .formatted(
                      microBatches,
                      stage.batchSize(),
                      stage.microBatchSize(),
                      ranks,
                      fitting(stage, ranks))));
    }
    if (ranks > 1 && sharding != Sharding.NONE && stage.requiredOptimizer().adafactor() != null) {
      problems.add(
          new Problem(
              "ranks.sharding",
              "must be none, because stage %s uses Adafactor, whose moments of a matrix's rows and columns cannot be divided between pieces"
                  .formatted(stage.name())));
    }
    return problems;
  }

  /** Words that name the largest micro batch with which every rank has equally many. */
  private static String fitting(StageConfig stage, int ranks) {
    for (int size = Math.min(stage.microBatchSize(), stage.batchSize() / ranks); size > 0; size--) {
      if (stage.batchSize() % size == 0 && stage.batchSize() / size % ranks == 0) {
        return Integer.toString(size);
      }
    }
    return "1 and another batchSize";
  }
}
