package dev.palimpsest.checkpoints.published;

import dev.palimpsest.configs.data.ImageConfig;
import java.util.Map;

/**
 * What an export says of how pictures and texts become inputs.
 *
 * @param resize how pictures are resized; Pillow's bilinear is the nearest that Hugging Face's
 *     processor has to TensorFlow's
 * @param imageToken id of {@code <image>}
 * @param tokenizerFiles contents by name; empty for a model without a tokenizer
 */
public record ExportedProcessor(
    ImageConfig.Resize resize, int imageToken, Map<String, byte[]> tokenizerFiles) {
  /** Copies. */
  public ExportedProcessor {
    tokenizerFiles = Map.copyOf(tokenizerFiles);
  }

  /** Pillow's number of the filter. */
  int resample() {
    return resize == ImageConfig.Resize.BICUBIC ? 3 : 2;
  }
}
