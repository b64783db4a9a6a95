package dev.palimpsest.checkpoints.published;

import dev.palimpsest.configs.ModelConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What Hugging Face's PaliGemma checkpoints call the parameters. Arrays of theirs and ours are laid
 * out alike, so that gradients and moments under these names compare element by element.
 */
public final class HuggingFaceNames {
  private HuggingFaceNames() {}

  /** Their name by ours, in our order within each part. */
  public static Map<String, String> of(ModelConfig model) {
    Map<String, String> names = new LinkedHashMap<>();
    WeightMapping.huggingFace(model, ModelExporter.PREFIXES)
        .forEach(row -> names.put(row.ours(), row.foreign()));
    return names;
  }
}
