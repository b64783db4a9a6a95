package dev.palimpsest.configs;

/**
 * How a picture becomes a square of pixels in [-1, 1]; the aspect ratio is not kept.
 *
 * @param resize which program's resize is reproduced
 * @param antialias for {@link Resize#BILINEAR}: whether the kernel widens when shrinking
 * @param truncate for {@link Resize#BILINEAR}: whether levels are cut to whole ones after the
 *     resize, as big_vision does with pictures (pp/ops_image.py) and not with the frames of videos
 *     (pp/proj/paligemma/video.py:27-38)
 * @param augment how pictures of training are varied
 */
public record ImageConfig(
    @Default("bilinear") Resize resize,
    @Default("true") boolean antialias,
    @Default("true") boolean truncate,
    @Default("{}") AugmentConfig augment) {
  /** Checks that what is said is done. */
  public ImageConfig {
    new Check()
        .that(
            truncate || resize != Resize.BICUBIC,
            "truncate",
            "is true of bicubic, whose levels are whole in every pass")
        .done();
  }

  /** Pictures as they are. */
  public ImageConfig(Resize resize, boolean antialias) {
    this(resize, antialias, true, AugmentConfig.NONE);
  }

  /** The same without what varies pictures: scoring does not. */
  public ImageConfig unvaried() {
    return new ImageConfig(resize, antialias, truncate, AugmentConfig.NONE);
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
