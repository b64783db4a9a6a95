package dev.palimpsest.configs;

import java.util.Set;

/**
 * Forms in which a stage's result is written for others.
 *
 * @param formats none, one or both
 * @param precision number format of the exported weights
 */
public record ExportConfig(
    @Default("[huggingface]") Set<Format> formats, @Default("f32") Precision precision) {
  /** Published checkpoint layouts. */
  public enum Format {
    /** A Hugging Face PaliGemma folder. */
    HUGGINGFACE,
    /** A big_vision npz. */
    BIG_VISION
  }

  /** Copies. */
  public ExportConfig {
    formats = Set.copyOf(formats);
  }
}
