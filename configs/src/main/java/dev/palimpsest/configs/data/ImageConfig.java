package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import org.jspecify.annotations.Nullable;

/**
 * How a picture is turned into a square of pixel values in [-1, 1]. The aspect ratio is not
 * preserved.
 *
 * @param resize the program whose resize is reproduced
 * @param antialias for {@link Resize#BILINEAR}: whether the kernel widens when shrinking
 * @param truncate for {@link Resize#BILINEAR}: whether pixel levels are truncated to integers after
 *     resizing, as big_vision does for pictures (pp/ops_image.py) but not for video frames
 *     (pp/proj/paligemma/video.py:27-38)
 * @param passes for {@link Resize#BICUBIC}: the release of Pillow whose order of passes is
 *     reproduced
 * @param jpeg how JPEG files are decoded
 * @param augment augmentation of training pictures
 * @param shrinkFirst side of the square to which pictures are resized before they are resized to
 *     the stage's resolution, so that they have the detail of the smaller and the tokens of the
 *     larger size (the paper, section 5.7.1); absent: pictures are resized once
 */
public record ImageConfig(
    @Default("bilinear") Resize resize,
    @Default("true") boolean antialias,
    @Default("true") boolean truncate,
    @Default("rows_first") Passes passes,
    @Default("accurate") Jpeg jpeg,
    @Default("{}") AugmentConfig augment,
    @Nullable Integer shrinkFirst) {
  /**
   * Checks that the settings do not contradict each other, and fills in what checkpoints of earlier
   * versions do not record.
   */
  @SuppressWarnings("ConstantValue")
  public ImageConfig {
    new Check()
        .that(
            truncate || resize != Resize.BICUBIC,
            "truncate",
            "must be true for bicubic, which rounds to whole levels in every pass")
        .range("shrinkFirst", shrinkFirst == null ? 1 : shrinkFirst, 1, Check.MOST_PIXELS, "pixels")
        .done();
    passes = passes == null ? Passes.ROWS_FIRST : passes;
    jpeg = jpeg == null ? Jpeg.ACCURATE : jpeg;
  }

  /** A single resize. */
  public ImageConfig(
      Resize resize,
      boolean antialias,
      boolean truncate,
      Passes passes,
      Jpeg jpeg,
      AugmentConfig augment) {
    this(resize, antialias, truncate, passes, jpeg, augment, null);
  }

  /** A resize with accurate JPEG decoding and without augmentation. */
  public ImageConfig(Resize resize, boolean antialias) {
    this(resize, antialias, true, Passes.ROWS_FIRST, Jpeg.ACCURATE, AugmentConfig.NONE);
  }

  /** The same settings without augmentation, as scoring uses them. */
  public ImageConfig unvaried() {
    return new ImageConfig(
        resize, antialias, truncate, passes, jpeg, AugmentConfig.NONE, shrinkFirst);
  }

  /** The same settings with another resize method, antialiased. */
  public ImageConfig with(Resize other) {
    return new ImageConfig(other, true, true, passes, jpeg, augment, shrinkFirst);
  }

  /** The same settings with another JPEG decoder. */
  public ImageConfig with(Jpeg other) {
    return new ImageConfig(resize, antialias, truncate, passes, other, augment, shrinkFirst);
  }

  /** Resize methods; each gives the same result as its reference program. */
  public enum Resize {
    /**
     * big_vision's method: TensorFlow's bilinear resize with half-pixel centres, the result
     * truncated to whole levels.
     */
    BILINEAR,
    /**
     * The method of Hugging Face's image processor: Pillow's bicubic resize in 8-bit fixed point,
     * always antialiased.
     */
    BICUBIC
  }

  /** The order of the two passes of {@link Resize#BICUBIC}, which rounds after each pass. */
  public enum Passes {
    /** Along the rows, then along the columns, as in Pillow up to 12.3 and torchvision. */
    ROWS_FIRST,
    /**
     * As in Pillow 13.0 and later: columns first if the picture is higher than the target size S
     * and twice its width is less than its height + S, otherwise rows first.
     */
    PILLOW_13
  }

  /** The inverse DCT that decodes JPEG files; the two results differ by a few levels. */
  public enum Jpeg {
    /** libjpeg's accurate inverse DCT, as used by Pillow, OpenCV and the JDK. */
    ACCURATE,
    /**
     * libjpeg's fast inverse DCT, as used by TensorFlow and therefore by big_vision
     * (pp/ops_image.py). Requires libjpeg-turbo to be installed.
     */
    FAST
  }
}
