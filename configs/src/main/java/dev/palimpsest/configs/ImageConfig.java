package dev.palimpsest.configs;

/**
 * How a picture becomes a square of pixels in [-1, 1]; the aspect ratio is not kept.
 *
 * @param resize which program's resize is reproduced
 * @param antialias for {@link Resize#BILINEAR}: whether the kernel widens when shrinking
 * @param truncate for {@link Resize#BILINEAR}: whether levels are cut to whole ones after the
 *     resize, as big_vision does with pictures (pp/ops_image.py) and not with the frames of videos
 *     (pp/proj/paligemma/video.py:27-38)
 * @param passes for {@link Resize#BICUBIC}: which release of Pillow is reproduced
 * @param jpeg how JPEG files are decoded
 * @param augment how pictures of training are varied
 */
public record ImageConfig(
    @Default("bilinear") Resize resize,
    @Default("true") boolean antialias,
    @Default("true") boolean truncate,
    @Default("rows_first") Passes passes,
    @Default("accurate") Jpeg jpeg,
    @Default("{}") AugmentConfig augment) {
  /**
   * Checks that what is said is done. Checkpoints of earlier versions do not say how JPEG files
   * were decoded.
   */
  @SuppressWarnings("ConstantValue")
  public ImageConfig {
    new Check()
        .that(
            truncate || resize != Resize.BICUBIC,
            "truncate",
            "is true of bicubic, whose levels are whole in every pass")
        .done();
    passes = passes == null ? Passes.ROWS_FIRST : passes;
    jpeg = jpeg == null ? Jpeg.ACCURATE : jpeg;
  }

  /** Pictures as they are. */
  public ImageConfig(Resize resize, boolean antialias) {
    this(resize, antialias, true, Passes.ROWS_FIRST, Jpeg.ACCURATE, AugmentConfig.NONE);
  }

  /** The same without what varies pictures: scoring does not. */
  public ImageConfig unvaried() {
    return new ImageConfig(resize, antialias, truncate, passes, jpeg, AugmentConfig.NONE);
  }

  /** The same resized another way, antialiased. */
  public ImageConfig with(Resize other) {
    return new ImageConfig(other, true, true, passes, jpeg, augment);
  }

  /** The same with JPEG files decoded another way. */
  public ImageConfig with(Jpeg other) {
    return new ImageConfig(resize, antialias, truncate, passes, other, augment);
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

  /** The order in which {@link Resize#BICUBIC} goes over a picture; it rounds after each pass. */
  public enum Passes {
    /** Along the rows, then along the columns: Pillow up to 12.3, torchvision. */
    ROWS_FIRST,
    /**
     * As Pillow from 13.0 on: columns first where the picture is higher than the result S and twice
     * its width is less than height + S, else rows first.
     */
    PILLOW_13
  }

  /** How JPEG files are decoded: the two differ by a few levels. */
  public enum Jpeg {
    /** The accurate inverse DCT of libjpeg, as Pillow, OpenCV and the JDK decode. */
    ACCURATE,
    /**
     * The fast one, which TensorFlow takes and so big_vision (pp/ops_image.py). Needs libjpeg-turbo
     * in the system.
     */
    FAST
  }
}
