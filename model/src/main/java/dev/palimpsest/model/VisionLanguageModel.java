package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.TokenScores;

/**
 * A network that reads pictures and text and continues the text; this is all that training,
 * evaluation and commands know of it. {@link Models} creates one from a config.
 *
 * <p>It has no parameters and no state between calls, and any thread may call it. Equal inputs give
 * equal bits, also in another process, as long as the number of threads is the same.
 */
public interface VisionLanguageModel {
  /** Number format of the computation. */
  Precision precision();

  // ---- training

  /**
   * Adds the gradients of a micro batch's loss, times {@code options.weight()}, to those of the
   * weights.
   *
   * @param owner of the loss until it is read
   */
  UnreadLoss accumulateGradients(
      NDManager owner, Weights weights, TrainingInput batch, LossOptions options);

  /** The same for one micro batch by itself. */
  default Loss accumulateGradients(Weights weights, TrainingInput batch, LossOptions options) {
    try (NDManager owner = batch.input().text().getManager().newSubManager()) {
      return accumulateGradients(owner, weights, batch, options).read();
    }
  }

  // ---- scoring

  /** Only the loss. */
  Loss loss(Weights weights, TrainingInput batch, LossOptions options);

  /**
   * Log-probability of each target.
   *
   * @param batch whose sequences contain every text token
   * @return float32 [B, T] in {@code manager}
   */
  NDArray targetLogProbabilities(NDManager manager, Weights weights, TrainingInput batch);

  /**
   * Logits of all text positions; for small vocabularies and tests. Soft-capped if the config says
   * so.
   *
   * @param input whose sequences contain every text token
   * @return float32 [B, T, V] in {@code manager}
   */
  NDArray logits(NDManager manager, Weights weights, ModelInput input, Trace trace);

  // ---- generation

  /**
   * Projected image tokens, computed once for all decoding of the same pictures.
   *
   * @param images float32 [B, F, S, S, 3]
   * @return float32 [B, F*N, D] in {@code manager}
   */
  NDArray encodeImages(NDManager manager, Weights weights, NDArray images);

  /**
   * Runs the prompt and fills a cache. Keys and values are float32.
   *
   * @param imageTokens float32 [B, F*N, D] from {@link #encodeImages}
   * @param text int64 [B, T], padded at the right
   * @param lengths number of real tokens by row, [B]
   * @param maxNewTokens number of tokens to reserve space for
   * @return the cache, with {@link KeyValueCache#logits()} of the position after the prompt; owned
   *     by {@code manager}
   */
  KeyValueCache prefill(
      NDManager manager,
      Weights weights,
      NDArray imageTokens,
      NDArray text,
      int[] lengths,
      int maxNewTokens);

  /**
   * One decoding step: appends a token to each row and updates {@link KeyValueCache#logits()}. It
   * computes in the number format in which the weights are lent: the cost is that of reading them,
   * to which a conversion would add.
   *
   * @param tokens next token by row, [B]
   */
  void decodeStep(Weights weights, KeyValueCache cache, long[] tokens);

  /**
   * Scores given continuations of the prompts, all tokens in one pass. The cache is not changed:
   * several continuations of the same prompts can be scored one after the other, and the prompts
   * decoded afterwards.
   *
   * @param cache with which nothing has been generated yet
   * @param tokens int64 [B, n], n at most the cache's reserved tokens; shorter rows are padded
   * @return [B, n] in {@code manager}; values at padding are meaningless
   */
  TokenScores continuationScores(
      NDManager manager, Weights weights, KeyValueCache cache, NDArray tokens);
}
