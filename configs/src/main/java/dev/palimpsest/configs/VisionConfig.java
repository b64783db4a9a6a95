package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * A SigLIP image tower: all patch tokens after the final LayerNorm, no pooling (big_vision
 * models/vit.py, pool_type "none").
 *
 * @param width model width
 * @param depth number of blocks; 0 for raw patches: a linear projection of each patch, a position
 *     embedding and a norm (the paper, section 5.6, after Fuyu)
 * @param mlpWidth hidden width of the MLP
 * @param heads number of attention heads; must divide {@code width}
 * @param patchSize side of a square patch, in pixels
 * @param normEpsilon epsilon of every LayerNorm
 */
public record VisionConfig(
    int width,
    int depth,
    int mlpWidth,
    int heads,
    int patchSize,
    @Default("1e-6") double normEpsilon) {
  /** Checks ranges, and that the heads divide the width. */
  public VisionConfig {
    new Check()
        .range("width", width, 1, 65_536, "")
        .range("depth", depth, 0, 1000, "blocks")
        .range("mlpWidth", mlpWidth, 1, 1_000_000, "")
        .range("heads", heads, 1, 65_536, "heads")
        .range("patchSize", patchSize, 1, 1024, "pixels")
        .range("normEpsilon", normEpsilon, 1e-30, 1)
        .that(
            heads <= 0 || width % heads == 0,
            "heads",
            "must divide the width %d, got %d",
            width,
            heads)
        .done();
  }

  /** Image tokens of one picture: the number of patches. */
  public int imageTokens(int resolution) {
    int side = resolution / patchSize;
    return side * side;
  }
}
