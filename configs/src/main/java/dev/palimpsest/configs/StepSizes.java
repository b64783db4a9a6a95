package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;

/**
 * Sizes of a timed training step.
 *
 * @param model sizes of the networks
 * @param resolution side of the square input, in pixels
 * @param textTokens text positions
 * @param batchSize examples a step, in one forward pass
 */
public record StepSizes(ModelConfig model, int resolution, int textTokens, int batchSize) {
  /** 56px, 2 + 2 blocks of width 64 and 96. */
  public static final StepSizes TINY =
      new StepSizes(
          new ModelConfig(new VisionConfig(64, 2, 256, 4, 14, 1e-6), gemma(512, 96, 2, 384, 4, 24)),
          56,
          32,
          4);

  /** 224px, 6 + 6 blocks of width 384 and 512. */
  public static final StepSizes SMALL =
      new StepSizes(
          new ModelConfig(
              new VisionConfig(384, 6, 1536, 6, 14, 1e-6), gemma(8192, 512, 6, 2048, 8, 64)),
          224,
          128,
          4);

  /** Checks that all sizes are positive and within the limits of {@link Check}. */
  public StepSizes {
    new Check()
        .range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels")
        .range("textTokens", textTokens, 1, Check.MOST_TOKENS, "tokens")
        .range("batchSize", batchSize, 1, Check.MOST_BATCH, "examples")
        .done();
  }

  private static LanguageConfig gemma(
      int vocabulary, int width, int depth, int mlp, int heads, int headDim) {
    return new LanguageConfig(
        vocabulary, width, depth, mlp, heads, 1, headDim, headDim, 0, 0, false, 0, 10000, 1e-6);
  }

  /**
   * Floating-point operations of the matrix products of forward and backward, recomputation not
   * counted.
   */
  public double flopsPerStep() {
    ModelCost cost = new ModelCost(model, resolution, Precision.F32); // any: it counts the same
    return cost.flops(cost.pass(batchSize, textTokens), ModelCost.GRAPH_BUDGET)
        .withoutRecomputation();
  }
}
