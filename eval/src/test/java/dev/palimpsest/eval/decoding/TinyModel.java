package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;

/** A drawn model that knows nothing but has an opinion on every prompt, and likes to say EOS. */
public final class TinyModel implements AutoCloseable {
  public static final int SIDE = 8;
  public static final int VOCABULARY = 128;

  public final NDManager manager = NDManager.newBaseManager();
  final Kernels kernels = Kernels.load();
  public final Parameters parameters;
  public final Weights weights;
  public final VisionLanguageModel model;

  public TinyModel(double likesEos) {
    this(likesEos, Precision.F32);
  }

  public TinyModel(double likesEos, Precision precision) {
    ModelConfig config =
        new ModelConfig(
            new VisionConfig(16, 2, 32, 2, 4, 1e-6),
            new LanguageConfig(VOCABULARY, 24, 2, 48, 4, 2, 8, 8, 0, 0, false, 0, 10_000, 1e-6));
    parameters = Initialization.random(manager, config, SIDE, 11);
    weights = Weights.of(parameters);
    model = Models.of(config, precision, kernels);
    // As drawn, a decoder's tied table makes it repeat the last token; louder blocks let it listen.
    parameters
        .asMap()
        .forEach(
            (name, array) -> {
              if (name.matches("language/.*/(out|down)/w|connector/kernel")) {
                array.muli(6);
              }
            });
    NDArray table = parameters.get("language/embedding");
    try (NDArray row = table.get(Tokenizer.EOS);
        NDArray louder = row.mul(likesEos)) {
      table.set(new NDIndex(Tokenizer.EOS), louder);
    }
  }

  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
