package dev.palimpsest.configs;

/**
 * How a picture becomes a square of pixels in [-1, 1]; the aspect ratio is not kept.
 *
 * @param resize which program's resize is reproduced
 * @param antialias for {@link Resize#BILINEAR}: whether the kernel widens when shrinking
 * @param augment how pictures of training are varied
 */
public record ImageConfig(
    @Default("bilinear") Resize resize,
    @Default("true") boolean antialias,
    @Default("{}") AugmentConfig augment) {
  /** Pictures as they are. */
  public ImageConfig(Resize resize, boolean antialias) {
    this(resize, antialias, AugmentConfig.NONE);
  }

  /** Resize methods, each equal to its reference program. */
  public enum Resize {
    /**
     * big_vision's: TensorFlow's bilinear, half-pixel centres, result truncated to whole levels.
     */
    BILINEAR,
    /**
     * Hugging Face's image processor: Pillow's bicubic in 8-bit fixed point, always antialiased.
     */
    BICUBIC
  }
}
