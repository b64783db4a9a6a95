package dev.palimpsest.checkpoints;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Parameters;
import java.nio.file.Path;

/** To be written: a stage's result for others. */
public final class ModelExporter {
  private ModelExporter() {}

  /**
   * A Hugging Face PaliGemma folder: config.json, sharded safetensors with index, tokenizer and
   * preprocessor files. Written beside the target and made visible by one rename.
   *
   * @param tokenizer the run's tokenizer file
   */
  public static void huggingFace(
      Path folder,
      Parameters parameters,
      ModelConfig model,
      int resolution,
      Precision precision,
      Path tokenizer) {
    throw new UnsupportedOperationException();
  }

  /** A big_vision npz: stacked layers, {@code params/} names. */
  public static void bigVision(
      Path file, Parameters parameters, ModelConfig model, int resolution, Precision precision) {
    throw new UnsupportedOperationException();
  }
}
