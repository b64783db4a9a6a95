package dev.palimpsest.model;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.kernels.Kernels;
import java.util.List;

/** Networks by their configs. */
public final class Models {
  private Models() {}

  /** The network of a config. */
  public static VisionLanguageModel of(ModelConfig config, Precision precision, Kernels kernels) {
    return new PaliGemma(Network.of(config, precision, kernels), new GraphBudget(kernels));
  }

  /**
   * The same with another memory budget.
   *
   * @param graphBudget bytes that a training step may spend on keeping blocks' graphs from the
   *     forward to the backward pass; blocks that do not fit are computed twice. Alters speed, not
   *     results
   */
  public static VisionLanguageModel of(
      ModelConfig config, Precision precision, Kernels kernels, long graphBudget) {
    return new PaliGemma(Network.of(config, precision, kernels), () -> graphBudget);
  }

  /**
   * The blocks of a config's network, in order.
   *
   * @param resolution side of its pictures, which sets the number of position embeddings
   */
  public static List<BlockSpec> blocks(ModelConfig config, int resolution) {
    return Network.blocks(Network.imageTower(config), config.language(), resolution);
  }
}
