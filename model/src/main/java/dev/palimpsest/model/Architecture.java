package dev.palimpsest.model;

import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Segment;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.towers.Embedding;
import dev.palimpsest.model.towers.Gemma;
import dev.palimpsest.model.towers.ImageTower;
import dev.palimpsest.model.towers.SigLip;
import java.util.ArrayList;
import java.util.List;

/**
 * The towers of a network. Everything else about it follows from them: its blocks and parameters,
 * its passes, and its tables of foreign names.
 *
 * @param images the image tower, whose tokens have the width of the decoder
 * @param language sizes of the decoder
 * @param causalFrom the first segment that is causal
 */
public record Architecture(ImageTower images, LanguageConfig language, Segment causalFrom) {
  /** Towers under a prefix-LM mask. */
  public Architecture(ImageTower images, LanguageConfig language) {
    this(images, language, Segment.SUFFIX);
  }

  /** The towers that a recipe's config describes. */
  public static Architecture of(ModelConfig config) {
    return new Architecture(
        new SigLip(config.vision(), config.language().width(), config.connector()),
        config.language(),
        config.causalFrom());
  }

  /**
   * All blocks in order. The head shares the embedding's block and has no parameters of its own.
   *
   * @param resolution side of the pictures, which sets the number of position embeddings
   */
  public List<BlockSpec> blocks(int resolution) {
    List<BlockSpec> blocks = new ArrayList<>(images.specs(resolution));
    blocks.add(new Embedding(language).spec());
    blocks.addAll(new Gemma(language).specs());
    return blocks;
  }
}
