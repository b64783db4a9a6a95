package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * PaliGemma: a SigLIP image tower, a linear connector and a Gemma decoder that reads image tokens
 * and text under a prefix-LM mask (PaliGemma paper, section 3.1; big_vision
 * models/proj/paligemma/paligemma.py).
 *
 * <p>Holds no parameters and no state between calls; any thread may call. Equal inputs give equal
 * bits, in another process too, as long as the number of threads is the same.
 */
@SuppressWarnings("try") // gradient modes are used by being open
public final class PaliGemma {
  private static final long DEFAULT_GRAPH_BUDGET = 2L << 30;

  private final ModelConfig config;
  private final Precision precision;
  private final long graphBudget;
  private final Kernels kernels;
  private final VisionTower vision;
  private final Decoder decoder;
  private final Head head;

  /** A model of these sizes; holds no parameters. */
  public PaliGemma(ModelConfig config, Precision precision, Kernels kernels) {
    this(config, precision, kernels, DEFAULT_GRAPH_BUDGET);
  }

  /**
   * A model of these sizes with a memory budget.
   *
   * @param graphBudget bytes that a training step may spend on keeping blocks' graphs from the
   *     forward to the backward pass; blocks that do not fit are computed twice. Alters speed, not
   *     results
   */
  public PaliGemma(ModelConfig config, Precision precision, Kernels kernels, long graphBudget) {
    this.config = config;
    this.precision = precision;
    this.graphBudget = graphBudget;
    this.kernels = kernels;
    this.vision = new VisionTower(config.vision(), precision);
    this.decoder = new Decoder(config.language(), kernels);
    this.head = new Head(config.language(), precision, kernels, Head.LOGITS);
  }

  /** Number format of the computation. */
  public Precision precision() {
    return precision;
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
    ModelInput input = batch.input();
    try (GradientMode off = new GradientMode(false);
        NDManager step = input.text().getManager().newSubManager()) {
      Supervision supervision = Supervision.of(batch.lossMask());
      if (supervision.isEmpty()) {
        return supervision.loss(new float[0]);
      }
      Layout layout = layout(input);
      boolean tableTrained = trained.test("language/embedding");
      boolean imageTrained =
          layout.imagePlaces().length > 0
              && parameters.names().stream()
                  .anyMatch(
                      name ->
                          (name.startsWith("vision/") || name.startsWith("connector/"))
                              && trained.test(name));

      // ---- forward, keeping what the way back needs
      NDArray images = pictures(step, input.images());
      BlockChain imageChain = new BlockChain(kernels, parameters, visionBlocks(input.images()));
      BlockChain textChain =
          new BlockChain(kernels, parameters, languageBlocks(step, layout, options, Trace.NONE));
      long imageBudget = Math.max(0, graphBudget - textChain.graphBytes());
      BlockChain.Recording image =
          imageChain.record(
              step, images, false, name -> imageTrained && trained.test(name), imageBudget);
      NDArray tokens = laidText(step, input, layout);
      NDArray laid = laidOut(step, parameters, image.output(), tokens, layout);
      BlockChain.Recording text =
          textChain.record(step, laid, imageTrained || tableTrained, trained, graphBudget);

      // ---- loss of the supervised rows alone
      NDArray rows = step.create(supervision.rows(layout));
      NDArray last = kernels.array(step, "take_rows", text.output(), rows);
      boolean belowTrained = imageTrained || parameters.names().stream().anyMatch(trained);
      BlockChain.Recording normed =
          new BlockChain(kernels, parameters, List.of(decoder.norm()))
              .record(step, last, belowTrained, trained, graphBudget);
      Head.LossesAndGradient losses =
          head.lossesAndGradient(
              step,
              parameters,
              normed.output(),
              step.create(supervision.targets(batch.targets())),
              step.create(supervision.weights(options.weight())),
              options.labelSmoothing(),
              tableTrained ? gradients.get("language/embedding") : null);

      // ---- backward, down to the lowest trained parameter
      NDArray upstream = normed.backward(losses.rowsGradient(), gradients);
      if (upstream != null) {
        upstream =
            text.backward(
                kernels.array(
                    step, "take_rows_backward", upstream, rows, layout.rows(), layout.length()),
                gradients);
      }
      if (upstream != null && tableTrained) {
        kernels.update(
            "embed_text_backward",
            gradients.get("language/embedding"),
            tokens,
            kernels.array(step, "take_rows", upstream, step.create(layout.textPlaces())));
      }
      if (upstream != null && imageTrained) {
        NDArray ofImages =
            kernels.array(step, "take_rows", upstream, step.create(layout.imagePlaces()));
        image.backward(ofImages.reshape(image.output().getShape()), gradients);
      }
      return supervision.loss(losses.losses().toFloatArray());
    }
  }

  /** The loss alone. */
  public Loss loss(Parameters parameters, TrainingInput batch, LossOptions options) {
    ModelInput input = batch.input();
    try (GradientMode off = new GradientMode(false);
        NDManager step = input.text().getManager().newSubManager()) {
      Supervision supervision = Supervision.of(batch.lossMask());
      if (supervision.isEmpty()) {
        return supervision.loss(new float[0]);
      }
      Layout layout = layout(input);
      NDArray output = forward(step, parameters, input, layout, options, Trace.NONE);
      NDArray rows = step.create(supervision.rows(layout));
      NDArray normed = norm(step, parameters, kernels.array(step, "take_rows", output, rows));
      NDArray targets = step.create(supervision.targets(batch.targets()));
      NDArray losses = head.losses(step, parameters, normed, targets, options.labelSmoothing());
      return supervision.loss(losses.toFloatArray());
    }
  }

  /**
   * Log-probability of each target.
   *
   * @param batch its sequences leave out no text token
   * @return float32 [B, T] in {@code manager}
   */
  public NDArray targetLogProbabilities(
      NDManager manager, Parameters parameters, TrainingInput batch) {
    ModelInput input = batch.input();
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      Layout layout = layout(input);
      NDArray output = forward(step, parameters, input, layout, LossOptions.PLAIN, Trace.NONE);
      NDArray rows = textRows(step, norm(step, parameters, output), input, layout);
      NDArray targets = batch.targets().flatten();
      targets.attach(step);
      NDArray losses = head.losses(step, parameters, rows, targets, 0);
      return owned(manager, losses.neg().reshape(input.text().getShape()));
    }
  }

  /**
   * Logits of all text positions; for small vocabularies and tests. Soft-capped where the config
   * says so.
   *
   * @param input its sequences leave out no text token
   * @return float32 [B, T, V] in {@code manager}
   */
  public NDArray logits(NDManager manager, Parameters parameters, ModelInput input, Trace trace) {
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      Layout layout = layout(input);
      NDArray output = forward(step, parameters, input, layout, LossOptions.PLAIN, trace);
      NDArray normed = norm(step, parameters, output);
      trace.value("llm.final_norm", normed);
      NDArray logits = head.logits(step, parameters, textRows(step, normed, input, layout));
      Shape text = input.text().getShape();
      logits = logits.reshape(text.get(0), text.get(1), config.language().vocabulary());
      trace.value("logits", logits);
      return owned(manager, logits);
    }
  }

  /**
   * Projected image tokens, computed once for all decoding of the same pictures.
   *
   * @param images float32 [B, F, S, S, 3]
   * @return float32 [B, F*N, D] in {@code manager}
   */
  public NDArray encodeImages(NDManager manager, Parameters parameters, NDArray images) {
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      return owned(manager, encode(step, parameters, images, Trace.NONE));
    }
  }

  /**
   * Runs the prompt and fills a cache. Keys and values are float32.
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
    long batch = text.getShape().get(0);
    long images = imageTokens.getShape().get(1);
    long slots = images + text.getShape().get(1);
    if (lengths.length != batch) {
      throw new IllegalArgumentException(
          "lengths must have one number for each of %d prompts, got %d"
              .formatted(batch, lengths.length));
    }
    for (int length : lengths) {
      if (length < 1 || length > slots - images) {
        throw new IllegalArgumentException(
            "a prompt's length must be within 1 and the %d columns of text, got %d"
                .formatted(slots - images, length));
      }
    }
    NDManager own = manager.newSubManager();
    try (GradientMode off = new GradientMode(false);
        NDManager step = own.newSubManager()) {
      Shape cache =
          new Shape(
              batch,
              config.language().keyValueHeads(),
              slots + maxNewTokens,
              config.language().headDim());
      List<NDArray> keys = new ArrayList<>();
      List<NDArray> values = new ArrayList<>();
      for (int i = 0; i < config.language().depth(); i++) {
        keys.add(own.zeros(cache));
        values.add(own.zeros(cache));
      }
      NDArray promptLengths =
          own.create(Arrays.stream(lengths).mapToLong(length -> images + length).toArray());
      Decoder.Surroundings around =
          decoder.surroundings(step, kernels.array(step, "prompt_visible", promptLengths, slots));
      NDArray joined =
          kernels.array(step, "join", imageTokens, parameters.get("language/embedding"), text);
      NDArray output =
          decoder.forwardCached(step, parameters, joined, around, precision, keys, values, 0);
      long[] lastRows = new long[lengths.length];
      for (int b = 0; b < lastRows.length; b++) {
        lastRows[b] = b * slots + images + lengths[b] - 1;
      }
      NDArray last = kernels.array(step, "take_rows", output, step.create(lastRows));
      NDArray logits = head.logits(own, parameters, norm(step, parameters, last));
      return new KeyValueCache(kernels, own, keys, values, slots, promptLengths, logits);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  /**
   * One decoding step: appends a token to each row and updates {@link KeyValueCache#logits()}.
   * Computes in float32: reading the weights is the whole cost, and converting them would add to
   * it.
   *
   * @param tokens next token by row, [B]
   */
  public void decodeStep(Parameters parameters, KeyValueCache cache, long[] tokens) {
    if (cache.room() == 0) {
      throw new IllegalStateException(
          "the cache is full after %d generated tokens; reserve more at prefill"
              .formatted(cache.generated()));
    }
    try (GradientMode off = new GradientMode(false);
        NDManager step = cache.manager().newSubManager()) {
      long slot = cache.promptSlots() + cache.generated();
      NDArray lengths = cache.promptLengths();
      NDArray visible =
          kernels.array(step, "decode_visible", lengths, cache.promptSlots(), slot + 1);
      NDArray keyPositions =
          kernels.array(step, "decode_positions", lengths, cache.promptSlots(), slot + 1);
      NDArray queryPositions = keyPositions.get(new NDIndex(":, -1:"));
      Decoder.Surroundings around =
          decoder.surroundings(step, visible, queryPositions, keyPositions);
      NDArray embedded =
          kernels.array(
              step,
              "embed_text",
              parameters.get("language/embedding"),
              step.create(tokens, new Shape(tokens.length, 1)));
      NDArray output =
          decoder.forwardCached(
              step,
              parameters,
              embedded,
              around,
              Precision.F32,
              cache.keys(),
              cache.values(),
              slot);
      NDArray rows = output.squeeze(1);
      cache.advance(
          new Head(config.language(), Precision.F32, kernels, Head.LOGITS)
              .logits(cache.manager(), parameters, norm(step, parameters, rows)));
    }
  }

  /**
   * Scores given continuations of the prompts, all tokens in one pass. The cache is left as it was:
   * several continuations of the same prompts are scored one after the other, and decoded after
   * that.
   *
   * @param cache of which nothing was generated yet
   * @param tokens int64 [B, n], n at most the cache's room; rows shorter than others are padded
   * @return [B, n] in {@code manager}; what stands at padding means nothing
   */
  public TokenScores continuationScores(
      NDManager manager, Parameters parameters, KeyValueCache cache, NDArray tokens) {
    long rows = tokens.getShape().get(0);
    long length = tokens.getShape().get(1);
    if (cache.generated() != 0 || length > cache.room()) {
      throw new IllegalStateException(
          "%d tokens to score after %d generated ones, with room for %d"
              .formatted(length, cache.generated(), cache.room()));
    }
    try (GradientMode off = new GradientMode(false);
        NDManager step = manager.newSubManager()) {
      NDArray first = owned(step, tokens.get(":, 0"));
      List<NDArray> atFirst = kernels.arrays(step, "row_scores", cache.logits(), first);
      List<NDArray> logProbabilities = new ArrayList<>();
      List<NDArray> leads = new ArrayList<>();
      logProbabilities.add(owned(step, atFirst.get(0).expandDims(1)));
      leads.add(owned(step, atFirst.get(1).expandDims(1)));
      if (length > 1) {
        long slots = cache.promptSlots() + length - 1;
        NDArray lengths = cache.promptLengths();
        NDArray visible =
            kernels.array(step, "append_visible", lengths, cache.promptSlots(), slots, length - 1);
        NDArray keyPositions =
            kernels.array(step, "decode_positions", lengths, cache.promptSlots(), slots);
        NDArray queryPositions =
            owned(step, keyPositions.get(new NDIndex(":, {}:", cache.promptSlots())));
        NDArray seen = owned(step, tokens.get(new NDIndex(":, :{}", length - 1)));
        NDArray output =
            decoder.forwardCached(
                step,
                parameters,
                kernels.array(step, "embed_text", parameters.get("language/embedding"), seen),
                decoder.surroundings(step, visible, queryPositions, keyPositions),
                precision,
                cache.keys(),
                cache.values(),
                cache.promptSlots());
        NDArray outputs = owned(step, output.reshape(-1, output.getShape().get(2)));
        NDArray next = owned(step, tokens.get(":, 1:"));
        NDArray targets = owned(step, next.flatten());
        TokenScores rest = head.scores(step, parameters, norm(step, parameters, outputs), targets);
        logProbabilities.add(owned(step, rest.logProbabilities().reshape(rows, length - 1)));
        leads.add(owned(step, rest.leads().reshape(rows, length - 1)));
      }
      return new TokenScores(
          kernels.array(manager, "concatenate_columns", logProbabilities),
          kernels.array(manager, "concatenate_columns", leads));
    }
  }

  // ---- pieces of the forward pass; arrays belong to the given manager

  private Layout layout(ModelInput input) {
    int imageTokens = config.vision().imageTokens(resolution(input.images()));
    Layout layout = new Layout(input.sequences(), imageTokens, input.maskAr().toLongArray());
    long pictures = pictureCount(input.images());
    if (pictures * imageTokens != layout.imagePlaces().length) {
      throw new IllegalArgumentException(
          "the examples have %d pictures together and %d were given"
              .formatted(layout.imagePlaces().length / imageTokens, pictures));
    }
    return layout;
  }

  private NDArray forward(
      NDManager step,
      Parameters parameters,
      ModelInput input,
      Layout layout,
      LossOptions options,
      Trace trace) {
    NDArray image = encode(step, parameters, input.images(), trace);
    NDArray laid = laidOut(step, parameters, image, laidText(step, input, layout), layout);
    trace.value("llm.input", laid);
    return new BlockChain(kernels, parameters, languageBlocks(step, layout, options, trace))
        .forward(step, laid, trace);
  }

  /** The text tokens that stand in sequences, int64 [.]. */
  private NDArray laidText(NDManager step, ModelInput input, Layout layout) {
    NDArray all = input.text().flatten();
    all.attach(step);
    return kernels.array(step, "select_rows", all, step.create(layout.texts()));
  }

  /** Image tokens and embedded text tokens in their sequences, [R, L, D]. */
  private NDArray laidOut(
      NDManager step, Parameters parameters, NDArray image, NDArray tokens, Layout layout) {
    return kernels.array(
        step,
        "lay_out",
        image,
        parameters.get("language/embedding"),
        tokens,
        step.create(layout.sources(), new Shape(layout.rows(), layout.length())));
  }

  private NDArray encode(NDManager step, Parameters parameters, NDArray images, Trace trace) {
    return new BlockChain(kernels, parameters, visionBlocks(images))
        .forward(step, pictures(step, images), trace);
  }

  private NDArray norm(NDManager step, Parameters parameters, NDArray rows) {
    return new BlockChain(kernels, parameters, List.of(decoder.norm()))
        .forward(step, rows, Trace.NONE);
  }

  /** Pictures in a row, float32 [P, S, S, 3]. */
  private static NDArray pictures(NDManager step, NDArray images) {
    int side = resolution(images);
    NDArray pictures = images.reshape(-1, side, side, 3);
    pictures.attach(step);
    return pictures;
  }

  private static int resolution(NDArray images) {
    return Math.toIntExact(images.getShape().get(images.getShape().dimension() - 2));
  }

  private static long pictureCount(NDArray images) {
    Shape shape = images.getShape();
    return shape.slice(0, shape.dimension() - 3).size();
  }

  private List<Block> visionBlocks(NDArray images) {
    Shape shape = images.getShape();
    long groups = shape.dimension() == 5 ? shape.get(0) : 1;
    return vision.blocks(groups, pictureCount(images), resolution(images));
  }

  private List<Block> languageBlocks(
      NDManager step, Layout layout, LossOptions options, Trace trace) {
    Decoder.Surroundings around = decoder.surroundings(step, layout, trace);
    return decoder.blocks(around, options.dropout(), precision);
  }

  /** Text positions of [R, L, D], [B*T, D]. */
  private NDArray textRows(NDManager step, NDArray x, ModelInput input, Layout layout) {
    long[] places = new long[Math.toIntExact(input.text().size())];
    Arrays.setAll(places, layout::placeOfText);
    return kernels.array(step, "take_rows", x, step.create(places));
  }

  private static NDArray owned(NDManager manager, NDArray array) {
    array.attach(manager);
    return array;
  }
}
