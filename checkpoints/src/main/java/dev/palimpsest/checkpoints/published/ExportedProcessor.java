package dev.palimpsest.checkpoints.published;

import dev.palimpsest.configs.data.ImageConfig;
import java.util.Map;

/**
 * How an export says that pictures and texts become inputs.
 *
 * @param resize how pictures are resized; Pillow's bilinear filter is the closest to TensorFlow's
 *     that Hugging Face's processor has
 * @param imageToken id of {@code <image>}
 * @param tokenizerFiles contents by name; empty for a model without a tokenizer
 */
public record ExportedProcessor(
    ImageConfig.Resize resize, int imageToken, Map<String, byte[]> tokenizerFiles) {
  /** Keeps unmodifiable copies. */
  public ExportedProcessor {
    tokenizerFiles = Map.copyOf(tokenizerFiles);
  }

  /** Pillow's code of the filter. */
  int resample() {
    return resize == ImageConfig.Resize.BICUBIC ? 3 : 2;
  }
}
