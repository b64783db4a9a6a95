package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * Image augmentation for training, as in PaliGemma's pretraining (section 3.2.6 of the paper, which
 * names these three kinds but gives no numbers). The random choices for an example depend on its
 * position in the data order alone. Augmentation is never applied when scoring.
 *
 * @param resize whether each use of a picture draws one of ten resize methods (bilinear, bicubic,
 *     Lanczos, area, Mitchell-Netravali; each with and without antialiasing) instead of the
 *     configured one
 * @param jpeg probability that a picture is encoded as JPEG with a quality from 75 to 95 and
 *     decoded again, [0, 1]
 * @param cropArea the smallest share of a picture's area that a crop keeps, (0, 1]; 1 disables
 *     cropping. Boxes and masks are moved with the crop; objects of which less than half remains
 *     are dropped from the target. The pictures of {@code prefixSuffix} tasks are never cropped,
 *     since their text may mention what a crop would remove
 */
public record AugmentConfig(
    @Default("false") boolean resize, @Default("0") double jpeg, @Default("1") double cropArea) {
  /** No augmentation. */
  public static final AugmentConfig NONE = new AugmentConfig(false, 0, 1);

  /** Checks the ranges given above. */
  public AugmentConfig {
    new Check().range("jpeg", jpeg, 0, 1).share("cropArea", cropArea).done();
  }
}
