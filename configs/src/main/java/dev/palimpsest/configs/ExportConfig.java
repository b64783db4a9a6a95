package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Default;
import java.util.Set;

/**
 * The published formats in which a stage's result is exported.
 *
 * @param formats formats to write; may be empty
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

  /** Keeps an unmodifiable copy of the formats. */
  public ExportConfig {
    formats = Set.copyOf(formats);
  }
}
