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
 * @param imageWindow larger pictures are cut into windows of this side, in pixels, that do not
 *     overlap. Each is encoded by itself with the same position embedding, and the tokens of one
 *     window follow those of the other, in row order (the paper, section 5.7.3). 0: pictures are
 *     encoded whole
 */
public record VisionConfig(
    int width,
    int depth,
    int mlpWidth,
    int heads,
    int patchSize,
    @Default("1e-6") double normEpsilon,
    @Default("0") int imageWindow) {
  /** Checks ranges, that the heads divide the width, and that windows are of whole patches. */
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
        .range("imageWindow", imageWindow, 0, Check.MOST_PIXELS, "pixels")
        .that(
            patchSize <= 0 || imageWindow % patchSize == 0,
            "imageWindow",
            "must be a multiple of the patch size %d, got %d",
            patchSize,
            imageWindow)
        .done();
  }

  /** A tower that encodes pictures whole. */
  public VisionConfig(
      int width, int depth, int mlpWidth, int heads, int patchSize, double normEpsilon) {
    this(width, depth, mlpWidth, heads, patchSize, normEpsilon, 0);
  }

  /** The same tower with other windows. */
  public VisionConfig withImageWindow(int side) {
    return new VisionConfig(width, depth, mlpWidth, heads, patchSize, normEpsilon, side);
  }

  /** Side of what is encoded at a time, in pixels: a window, or the whole picture. */
  public int encodedSide(int resolution) {
    return imageWindow == 0 ? resolution : Math.min(imageWindow, resolution);
  }

  /** Windows of one picture; 1 if it is encoded whole. */
  public int windows(int resolution) {
    int side = resolution / encodedSide(resolution);
    return side * side;
  }

  /** Image tokens of one window, each of which has a position embedding. */
  public int positions(int resolution) {
    int side = encodedSide(resolution) / patchSize;
    return side * side;
  }

  /** Image tokens of one picture: the number of patches. */
  public int imageTokens(int resolution) {
    int side = resolution / patchSize;
    return side * side;
  }
}
