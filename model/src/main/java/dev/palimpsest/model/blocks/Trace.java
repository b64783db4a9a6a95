package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;

/**
 * Receives intermediate values of a forward pass, for certification against reference programs.
 * Arrays are only valid during the call.
 */
@FunctionalInterface
public interface Trace {
  /** Ignores all values. */
  Trace NONE = (name, value) -> {};

  /**
   * A value, named as in the reference cases: {@code vision.patch_embed}, {@code
   * vision.embeddings}, {@code vision.layer.i}, {@code vision.last_hidden_state}, {@code
   * projected}, {@code attn_mask}, {@code llm.input}, {@code llm.layer.i}, {@code llm.final_norm},
   * {@code logits}.
   */
  void value(String name, NDArray value);
}
