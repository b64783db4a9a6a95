package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.BlockSpec.Parameter;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import java.util.List;

/**
 * Maps text tokens to rows of the embedding table, times the square root of its width. The table,
 * {@code language/embedding} [V, D], is shared with the {@link Head}; it is initialised with
 * deviation width^-0.5.
 */
public record Embedding(LanguageConfig config) {
  /** The table's name in the block. */
  static final String TABLE = "embedding";

  public BlockSpec spec() {
    return new BlockSpec("language", "embed_text", List.of(table(config)), List.of());
  }

  static Parameter table(LanguageConfig config) {
    Shape shape = new Shape(config.vocabulary(), config.width());
    return new Parameter(TABLE, shape, Init.fanIn(shape), true);
  }

  /**
   * Embeds tokens.
   *
   * @param tokens int64 [...]
   * @return float32 [..., D] in {@code owner}
   */
  public NDArray forward(Kernels kernels, NDManager owner, Weights weights, NDArray tokens) {
    BlockSpec spec = spec();
    try (Weights.Lease lease = weights.take(spec)) {
      return kernels.array(owner, spec.kernel(), tokens, lease.arrays());
    }
  }

  /**
   * Adds the table's gradient.
   *
   * @param tokens int64 [n]
   * @param upstream gradient of their embeddings, float32 [n, D]
   */
  public void backward(Kernels kernels, Weights weights, NDArray tokens, NDArray upstream) {
    try (Weights.Lease lease = weights.take(spec())) {
      kernels.update("embed_text_backward", lease.sum(TABLE), tokens, upstream);
    }
  }
}
