package dev.palimpsest.checkpoints.published;

import dev.palimpsest.configs.ModelConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The names of parameters in Hugging Face's PaliGemma checkpoints. Their arrays have the same
 * layout as ours, so that gradients and moments can be compared element by element under these
 * names.
 */
public final class HuggingFaceNames {
  private HuggingFaceNames() {}

  /** Their names by ours, in our order within each part. */
  public static Map<String, String> of(ModelConfig model) {
    Map<String, String> names = new LinkedHashMap<>();
    WeightMapping.huggingFace(model, ModelExporter.PREFIXES)
        .forEach(row -> names.put(row.ours(), row.foreign()));
    return names;
  }
}
