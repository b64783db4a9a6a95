package dev.palimpsest.configs;

/**
 * Image tower, linear connector and decoder (PaliGemma paper, section 3.1). The connector has no
 * settings: one linear layer with bias from the tower's width to the decoder's. Resolution belongs
 * to the stage.
 *
 * @param vision the image tower
 * @param language the decoder
 */
public record ModelConfig(VisionConfig vision, LanguageConfig language) {
  /** The same model with other embedding rows. */
  public ModelConfig withVocabulary(int rows) {
    return new ModelConfig(vision, language.withVocabulary(rows));
  }
}
