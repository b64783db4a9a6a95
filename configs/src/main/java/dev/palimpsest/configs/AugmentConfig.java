package dev.palimpsest.configs;

/**
 * How pictures of training are varied, as in PaliGemma's pretraining (section 3.2.6 of the paper,
 * which names the three and gives no numbers). What a visit draws follows from its position. Never
 * applied when scoring.
 *
 * @param resize whether each visit draws one of ten resize methods (bilinear, bicubic, Lanczos,
 *     area, Mitchell and Netravali; each with and without antialiasing) instead of the one given
 * @param jpeg how often a picture is encoded as JPEG, of a quality from 75 to 95, and decoded
 *     again, [0, 1]
 * @param cropArea the least share of a picture that a crop leaves, (0, 1]; 1: no crop. Boxes and
 *     masks move along; objects of which less than half is left are dropped from the target. Text
 *     that is there already is not understood, so its pictures are never cropped
 */
public record AugmentConfig(
    @Default("false") boolean resize, @Default("0") double jpeg, @Default("1") double cropArea) {
  /** Nothing. */
  public static final AugmentConfig NONE = new AugmentConfig(false, 0, 1);

  /** Checks ranges. */
  public AugmentConfig {
    new Check().range("jpeg", jpeg, 0, 1).share("cropArea", cropArea).done();
  }
}
