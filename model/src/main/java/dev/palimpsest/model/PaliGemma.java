package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.TokenScores;
import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * PaliGemma: an image tower, a linear connector and a Gemma decoder that reads image tokens and
 * text under a prefix-LM mask (PaliGemma paper, section 3.1; big_vision
 * models/proj/paligemma/paligemma.py). Scoring is implemented here, training in {@link
 * GradientPass} and decoding in {@link Generation}.
 */
@SuppressWarnings("try") // gradient modes are used by being open
final class PaliGemma implements VisionLanguageModel {
  private final Network network;
  private final GradientPass gradientPass;
  private final Generation generation;

  /**
   * Creates a network from its parts.
   *
   * @param graphBudget as in {@link GradientPass}
   */
  PaliGemma(Network network, LongSupplier graphBudget) {
    this.network = network;
    this.gradientPass = new GradientPass(network, graphBudget);
    this.generation = new Generation(network);
  }

  @Override
  public Precision precision() {
    return network.precision();
  }

  @Override
  public UnreadLoss accumulateGradients(
      NDManager owner, Weights weights, TrainingInput batch, LossOptions options) {
    return gradientPass.run(owner, weights, batch, options);
  }

  // ---- scoring

  @Override
  public Loss loss(Weights weights, TrainingInput batch, LossOptions options) {
    ModelInput input = batch.input();
    try (GradientMode off = new GradientMode(false);
        NDManager step = input.text().getManager().newSubManager()) {
      Supervision supervision = Supervision.of(batch.lossMask());
      if (supervision.isEmpty()) {
        return supervision.loss(new float[0]);
      }
      Layout layout = network.layout(input);
      NDArray output = forward(step, weights, input, layout, options.dropout(), Trace.NONE);
      NDArray rows = step.create(supervision.rows(layout));
      NDArray last = network.kernels().array(step, "take_rows", output, rows);
      NDArray normed = network.norm(step, weights, last);
      NDArray targets = step.create(supervision.targets(batch.targets()));
      NDArray losses =
          network.head().losses(step, weights, normed, targets, options.labelSmoothing());
      return supervision.loss(losses.toFloatArray());
    }
  }

  @Override
  public NDArray targetLogProbabilities(NDManager manager, Weights weights, TrainingInput batch) {
    ModelInput input = batch.input();
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      Layout layout = network.layout(input);
      NDArray output = forward(step, weights, input, layout, Dropout.NONE, Trace.NONE);
      NDArray rows = textRows(step, network.norm(step, weights, output), input, layout);
      NDArray targets = step.create(batch.targets().toLongArray());
      NDArray losses = network.head().losses(step, weights, rows, targets, 0);
      return owned(manager, losses.neg().reshape(input.text().getShape()));
    }
  }

  @Override
  public NDArray logits(NDManager manager, Weights weights, ModelInput input, Trace trace) {
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      Layout layout = network.layout(input);
      NDArray output = forward(step, weights, input, layout, Dropout.NONE, trace);
      NDArray normed = network.norm(step, weights, output);
      trace.value("llm.final_norm", normed);
      NDArray logits = network.head().logits(step, weights, textRows(step, normed, input, layout));
      Shape text = input.text().getShape();
      logits = logits.reshape(text.get(0), text.get(1), logits.getShape().get(1));
      trace.value("logits", logits);
      return owned(manager, logits);
    }
  }

  private NDArray forward(
      NDManager step,
      Weights weights,
      ModelInput input,
      Layout layout,
      Dropout dropout,
      Trace trace) {
    NDArray image = network.encode(step, weights, input.images(), trace);
    NDArray tokens = network.laidText(step, input, layout);
    NDArray laid = network.laidOut(step, weights, image, tokens, layout);
    trace.value("llm.input", laid);
    return network.decoderChain(weights, step, layout, dropout, trace).forward(step, laid, trace);
  }

  /** Text positions of [R, L, D], [B*T, D]. */
  private NDArray textRows(NDManager step, NDArray x, ModelInput input, Layout layout) {
    long[] places = new long[Math.toIntExact(input.text().size())];
    Arrays.setAll(places, layout::placeOfText);
    return network.kernels().array(step, "take_rows", x, step.create(places));
  }

  // ---- generation

  @Override
  public NDArray encodeImages(NDManager manager, Weights weights, NDArray images) {
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      return owned(manager, network.encode(step, weights, images, Trace.NONE));
    }
  }

  @Override
  public KeyValueCache prefill(
      NDManager manager,
      Weights weights,
      NDArray imageTokens,
      NDArray text,
      int[] lengths,
      int maxNewTokens) {
    return generation.prefill(manager, weights, imageTokens, text, lengths, maxNewTokens);
  }

  @Override
  public void decodeStep(Weights weights, KeyValueCache cache, long[] tokens) {
    generation.decodeStep(weights, cache, tokens);
  }

  @Override
  public TokenScores continuationScores(
      NDManager manager, Weights weights, KeyValueCache cache, NDArray tokens) {
    return generation.continuationScores(manager, weights, cache, tokens);
  }

  static NDArray owned(NDManager manager, NDArray array) {
    array.attach(manager);
    return array;
  }
}
