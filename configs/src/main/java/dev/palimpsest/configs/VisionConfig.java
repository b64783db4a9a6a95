package dev.palimpsest.configs;

/**
 * A SigLIP image tower: all patch tokens after the final LayerNorm, no pooling (big_vision
 * models/vit.py, pool_type "none").
 *
 * @param width model width
 * @param depth number of blocks
 * @param mlpWidth hidden width of the MLP
 * @param heads attention heads; must divide {@code width}
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
  /** Checks ranges. */
  public VisionConfig {
    new Check()
        .positive("width", width)
        .positive("depth", depth)
        .positive("mlpWidth", mlpWidth)
        .positive("heads", heads)
        .positive("patchSize", patchSize)
        .positive("normEpsilon", normEpsilon)
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
