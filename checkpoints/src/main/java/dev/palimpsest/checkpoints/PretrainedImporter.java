package dev.palimpsest.checkpoints;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.Parameters;
import java.util.List;

/** To be written: stage 0. */
public final class PretrainedImporter {
  private PretrainedImporter() {}

  /**
   * Reads published checkpoints into parameters of a model.
   *
   * @param manager receives a child that holds the parameters
   * @param model target sizes; its vocabulary may exceed the source's (new rows are drawn)
   * @param resolution resolution of the position embedding; resampled when the source differs
   * @param seed seed of drawn rows and of a normal connector
   * @throws dev.palimpsest.configs.InvalidConfigException when a source does not fit, listing every
   *     name and shape
   */
  public static Imported read(
      NDManager manager, Init.FromPretrained source, ModelConfig model, int resolution, long seed) {
    throw new UnsupportedOperationException();
  }

  /**
   * The result.
   *
   * @param parameters all parameters of the model
   * @param notes one line each: what was dropped, drawn, resampled
   */
  public record Imported(Parameters parameters, List<String> notes) {}
}
