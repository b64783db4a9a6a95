package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.Gemma;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.TokenScores;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Continues prompts with a cache of keys and values. */
@SuppressWarnings("try") // gradient modes are used by being open
record Generation(Network network) {
  /** As in {@link VisionLanguageModel#prefill}. */
  KeyValueCache prefill(
      NDManager manager,
      Weights weights,
      NDArray imageTokens,
      NDArray text,
      int[] lengths,
      int maxNewTokens) {
    Kernels kernels = network.kernels();
    Gemma decoder = network.decoder();
    long batch = text.getShape().get(0);
    long images = imageTokens.getShape().get(1);
    long slots = images + text.getShape().get(1);
    requireLengths(lengths, batch, slots - images);
    NDManager own = manager.newSubManager();
    try (GradientMode off = new GradientMode(false);
        NDManager step = own.newSubManager()) {
      LanguageConfig config = decoder.config();
      Shape cache =
          new Shape(batch, config.keyValueHeads(), slots + maxNewTokens, config.headDim());
      List<NDArray> keys = new ArrayList<>();
      List<NDArray> values = new ArrayList<>();
      for (int i = 0; i < config.depth(); i++) {
        keys.add(own.zeros(cache));
        values.add(own.zeros(cache));
      }
      NDArray promptLengths =
          own.create(Arrays.stream(lengths).mapToLong(length -> images + length).toArray());
      Gemma.AttentionContext context =
          decoder.context(
              kernels,
              step,
              kernels.array(
                  step,
                  "prompt_visible",
                  promptLengths,
                  slots,
                  network.bidirectional(images, slots)),
              images);
      NDArray embedded = network.embedding().forward(kernels, step, weights, text);
      NDArray joined = kernels.array(step, "concatenate_columns", List.of(imageTokens, embedded));
      NDArray output =
          decoder.forwardCached(
              kernels, step, weights, joined, context, network.precision(), keys, values, 0);
      long[] lastRows = new long[lengths.length];
      for (int b = 0; b < lastRows.length; b++) {
        lastRows[b] = b * slots + images + lengths[b] - 1;
      }
      NDArray last = kernels.array(step, "take_rows", output, step.create(lastRows));
      NDArray logits = network.head().logits(own, weights, network.norm(step, weights, last));
      return new KeyValueCache(kernels, own, keys, values, slots, images, promptLengths, logits);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  private static void requireLengths(int[] lengths, long batch, long columns) {
    if (lengths.length != batch) {
      throw new IllegalArgumentException(
          "lengths must have one number for each of %d prompts, got %d"
              .formatted(batch, lengths.length));
    }
    for (int length : lengths) {
      if (length < 1 || length > columns) {
        throw new IllegalArgumentException(
            "a prompt's length must be from 1 to the %d columns of text, got %d"
                .formatted(columns, length));
      }
    }
  }

  /** As in {@link VisionLanguageModel#decodeStep}. */
  void decodeStep(Weights weights, KeyValueCache cache, long[] tokens) {
    Kernels kernels = network.kernels();
    Gemma decoder = network.decoder();
    if (cache.room() == 0) {
      throw new IllegalStateException(
          "the cache is full after %d generated tokens; reserve more at prefill"
              .formatted(cache.generated()));
    }
    Precision computed = weights.products();
    try (GradientMode off = new GradientMode(false);
        NDManager step = cache.manager().newSubManager()) {
      long slot = cache.promptSlots() + cache.generated();
      NDArray lengths = cache.promptLengths();
      NDArray visible =
          kernels.array(step, "decode_visible", lengths, cache.promptSlots(), slot + 1);
      NDArray keyPositions =
          kernels.array(step, "decode_positions", lengths, cache.promptSlots(), slot + 1);
      NDArray queryPositions = keyPositions.get(new NDIndex(":, -1:"));
      Gemma.AttentionContext context =
          decoder.context(
              kernels, step, visible, queryPositions, keyPositions, cache.imageTokens());
      NDArray last = step.create(tokens, new Shape(tokens.length, 1));
      NDArray output =
          decoder.forwardCached(
              kernels,
              step,
              weights,
              network.embedding().forward(kernels, step, weights, last),
              context,
              computed,
              cache.keys(),
              cache.values(),
              slot);
      NDArray rows = network.norm(step, weights, output.squeeze(1));
      cache.advance(network.head().logits(cache.manager(), weights, rows, computed));
    }
  }

  /** As in {@link VisionLanguageModel#continuationScores}. */
  TokenScores continuationScores(
      NDManager manager, Weights weights, KeyValueCache cache, NDArray tokens) {
    Kernels kernels = network.kernels();
    long rows = tokens.getShape().get(0);
    long length = tokens.getShape().get(1);
    if (cache.generated() != 0 || length > cache.room()) {
      throw new IllegalStateException(
          "%d tokens to score after %d generated ones, with room for %d"
              .formatted(length, cache.generated(), cache.room()));
    }
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      NDArray first = PaliGemma.owned(step, tokens.get(":, 0"));
      List<NDArray> atFirst = kernels.arrays(step, "row_scores", cache.logits(), first);
      List<NDArray> logProbabilities = new ArrayList<>();
      List<NDArray> leads = new ArrayList<>();
      logProbabilities.add(PaliGemma.owned(step, atFirst.get(0).expandDims(1)));
      leads.add(PaliGemma.owned(step, atFirst.get(1).expandDims(1)));
      if (length > 1) {
        TokenScores rest = laterScores(step, weights, cache, tokens);
        Shape shape = new Shape(rows, length - 1);
        logProbabilities.add(PaliGemma.owned(step, rest.logProbabilities().reshape(shape)));
        leads.add(PaliGemma.owned(step, rest.leads().reshape(shape)));
      }
      return new TokenScores(
          kernels.array(manager, "concatenate_columns", logProbabilities),
          kernels.array(manager, "concatenate_columns", leads));
    }
  }

  /** Scores of all tokens but the first, for which the cache has logits. */
  private TokenScores laterScores(
      NDManager step, Weights weights, KeyValueCache cache, NDArray tokens) {
    Kernels kernels = network.kernels();
    Gemma decoder = network.decoder();
    long length = tokens.getShape().get(1);
    long slots = cache.promptSlots() + length - 1;
    NDArray lengths = cache.promptLengths();
    NDArray visible =
        kernels.array(step, "append_visible", lengths, cache.promptSlots(), slots, length - 1);
    NDArray keyPositions =
        kernels.array(step, "decode_positions", lengths, cache.promptSlots(), slots);
    NDArray queryPositions =
        PaliGemma.owned(step, keyPositions.get(new NDIndex(":, {}:", cache.promptSlots())));
    NDArray seen = PaliGemma.owned(step, tokens.get(new NDIndex(":, :{}", length - 1)));
    NDArray output =
        decoder.forwardCached(
            kernels,
            step,
            weights,
            network.embedding().forward(kernels, step, weights, seen),
            decoder.context(
                kernels, step, visible, queryPositions, keyPositions, cache.imageTokens()),
            network.precision(),
            cache.keys(),
            cache.values(),
            cache.promptSlots());
    NDArray outputs = PaliGemma.owned(step, output.reshape(-1, output.getShape().get(2)));
    NDArray next = PaliGemma.owned(step, tokens.get(":, 1:"));
    NDArray targets = PaliGemma.owned(step, next.flatten());
    return network.head().scores(step, weights, network.norm(step, weights, outputs), targets);
  }
}
