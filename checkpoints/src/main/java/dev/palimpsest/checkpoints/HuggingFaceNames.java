package dev.palimpsest.checkpoints;

import dev.palimpsest.checkpoints.WeightMapping.Part;
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
    WeightMapping.huggingFace(
            model,
            Map.of(
                Part.VISION, "vision_tower.vision_model",
                Part.CONNECTOR, "multi_modal_projector.linear",
                Part.LANGUAGE, "language_model.model"))
        .forEach(row -> names.put(row.ours(), row.foreign()));
    return names;
  }
}
