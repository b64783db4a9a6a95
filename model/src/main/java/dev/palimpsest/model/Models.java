package dev.palimpsest.model;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.Kernels;

/** Creates networks from their configs. */
public final class Models {
  private Models() {}

  /** The network of a config. */
  public static VisionLanguageModel of(ModelConfig config, Precision precision, Kernels kernels) {
    return new PaliGemma(
        Network.of(Architecture.of(config), precision, kernels), new GraphBudget(kernels));
  }

  /**
   * The same with another memory budget.
   *
   * @param graphBudget bytes that a training step may use to keep blocks' graphs from the forward
   *     to the backward pass; blocks that do not fit are computed twice. This affects speed, not
   *     results
   */
  public static VisionLanguageModel of(
      ModelConfig config, Precision precision, Kernels kernels, long graphBudget) {
    return of(Architecture.of(config), precision, kernels, graphBudget);
  }

  /** A network of any towers; {@code graphBudget} as above. */
  public static VisionLanguageModel of(
      Architecture architecture, Precision precision, Kernels kernels, long graphBudget) {
    return new PaliGemma(Network.of(architecture, precision, kernels), () -> graphBudget);
  }
}
