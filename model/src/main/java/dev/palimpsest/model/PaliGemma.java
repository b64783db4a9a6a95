package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import java.util.function.Predicate;

/** To be written: see the contract in the method comments. */
public final class PaliGemma {
  /** A model of these sizes; holds no parameters. */
  public PaliGemma(ModelConfig config, Precision precision, Kernels kernels) {
    throw new UnsupportedOperationException();
  }

  /**
   * Adds the gradients of a micro batch's loss, times {@code options.weight()}, to {@code
   * gradients}.
   *
   * @param trained names whose gradients are wanted; others are left untouched (frozen) and cost no
   *     backward work where that is possible
   */
  public Loss accumulateGradients(
      Parameters parameters,
      TrainingInput batch,
      LossOptions options,
      Predicate<String> trained,
      Parameters gradients) {
    throw new UnsupportedOperationException();
  }

  /** The loss alone. */
  public Loss loss(Parameters parameters, TrainingInput batch, LossOptions options) {
    throw new UnsupportedOperationException();
  }

  /**
   * Log-probability of each target.
   *
   * @return float32 [B, T] in {@code manager}
   */
  public NDArray targetLogProbabilities(
      NDManager manager, Parameters parameters, TrainingInput batch) {
    throw new UnsupportedOperationException();
  }

  /**
   * Logits of all text positions; for small vocabularies and tests. Soft-capped where the config
   * says so.
   *
   * @return float32 [B, T, V] in {@code manager}
   */
  public NDArray logits(NDManager manager, Parameters parameters, ModelInput input, Trace trace) {
    throw new UnsupportedOperationException();
  }

  /**
   * Projected image tokens, computed once for all decoding of the same pictures.
   *
   * @param images float32 [B, F, S, S, 3]
   * @return float32 [B, F*N, D] in {@code manager}
   */
  public NDArray encodeImages(NDManager manager, Parameters parameters, NDArray images) {
    throw new UnsupportedOperationException();
  }

  /**
   * Runs the prompt and fills a cache.
   *
   * @param imageTokens float32 [B, F*N, D] from {@link #encodeImages}
   * @param text int64 [B, T], padded at the right
   * @param lengths real tokens by row, [B]
   * @param maxNewTokens room to reserve
   * @return the cache, with {@link KeyValueCache#logits()} of the position after the prompt; owned
   *     by {@code manager}
   */
  public KeyValueCache prefill(
      NDManager manager,
      Parameters parameters,
      NDArray imageTokens,
      NDArray text,
      int[] lengths,
      int maxNewTokens) {
    throw new UnsupportedOperationException();
  }

  /**
   * One decoding step: appends a token to each row and updates {@link KeyValueCache#logits()}.
   *
   * @param tokens next token by row, [B]
   */
  public void decodeStep(Parameters parameters, KeyValueCache cache, long[] tokens) {
    throw new UnsupportedOperationException();
  }
}
