package dev.palimpsest.model;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import java.util.ArrayList;
import java.util.List;

/** The SigLIP image tower and the linear connector as blocks. Letters as in {@link ModelInput}. */
final class VisionTower {
  private final VisionConfig config;
  private final Precision precision;

  VisionTower(VisionConfig config, Precision precision) {
    this.config = config;
    this.precision = precision;
  }

  /**
   * Blocks from pictures, float32 [P, S, S, 3], to tokens, float32 [groups, P*N / groups, D].
   *
   * @param groups what the tokens are divided into: B where examples have equally many pictures
   * @param pictures P; 0 for text alone
   * @param resolution S
   */
  List<Block> blocks(long groups, long pictures, int resolution) {
    int dtype = Kernels.dtype(precision);
    double epsilon = config.normEpsilon();
    long tokens = pictures * config.imageTokens(resolution);
    long width = 4 * tokens * config.width(); // bytes of one float32 activation
    long mlp = 4 * tokens * config.mlpWidth();

    List<Block> blocks = new ArrayList<>();
    String embedding = "vision/embedding/";
    blocks.add(
        new Block(
            "vision.patch_embed",
            "patch_embed",
            List.of(embedding + "kernel", embedding + "bias"),
            List.of(dtype),
            4 * pictures * resolution * resolution * 3));
    blocks.add(
        new Block(
            "vision.embeddings",
            "add_position",
            List.of("vision/position_embedding"),
            List.of(),
            0));
    for (int i = 0; i < config.depth(); i++) {
      blocks.add(
          new Block(
              "vision.layer." + i,
              "vision_block",
              blockParameters("vision/blocks/" + i + "/"),
              List.of(config.heads(), epsilon, dtype),
              10 * width + 2 * mlp));
    }
    blocks.add(
        new Block(
            "vision.last_hidden_state",
            "vision_norm",
            List.of("vision/norm/scale", "vision/norm/bias"),
            List.of(epsilon),
            width));
    blocks.add(
        new Block(
            "projected",
            "connect",
            List.of("connector/kernel", "connector/bias"),
            List.of(groups, dtype),
            width));
    return blocks;
  }

  private static List<String> blockParameters(String block) {
    return List.of(
        block + "norm1/scale",
        block + "norm1/bias",
        block + "attention/query/kernel",
        block + "attention/query/bias",
        block + "attention/key/kernel",
        block + "attention/key/bias",
        block + "attention/value/kernel",
        block + "attention/value/bias",
        block + "attention/out/kernel",
        block + "attention/out/bias",
        block + "norm2/scale",
        block + "norm2/bias",
        block + "mlp/in/kernel",
        block + "mlp/in/bias",
        block + "mlp/out/kernel",
        block + "mlp/out/bias");
  }
}
