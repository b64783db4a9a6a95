package dev.palimpsest.configs;

/**
 * Image tower, linear connector and decoder (PaliGemma paper, section 3.1). The connector has no
 * settings: it is a linear layer with bias from the image tower's width to the decoder's. The
 * resolution is a setting of the stage.
 *
 * @param vision the image tower
 * @param language the decoder
 */
public record ModelConfig(VisionConfig vision, LanguageConfig language) {
  /** The same model with another number of embedding rows. */
  public ModelConfig withVocabulary(int rows) {
    return new ModelConfig(vision, language.withVocabulary(rows));
  }
}
