package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.BlockBytes;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.BlockSpec.Parameter;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.Uploads;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * The Gemma decoder as blocks, first and second generation (big_vision models/ppp/gemma.py).
 * Letters as in {@link ModelInput}; H query heads, K key heads, h their width, M the MLP's. Its
 * matrices are called {@code w}, as in big_vision, where weight decay does not apply to them.
 *
 * <pre>
 * language/blocks/i/attention_norm/scale [D]
 * language/blocks/i/attention/query/w [H*h, D]   .../{key,value}/w [K*h, D]   .../out/w [D, H*h]
 * language/blocks/i/post_attention_norm/scale [D]   (Gemma 2)
 * language/blocks/i/mlp_norm/scale [D]
 * language/blocks/i/mlp/{gate,up}/w [M, D]   .../down/w [D, M]
 * language/blocks/i/post_mlp_norm/scale [D]   (Gemma 2)
 * language/norm/scale [D]
 * </pre>
 *
 * Initialised from a normal distribution with deviation fan-in^-0.5; norm scales, which are added
 * to one, are zero.
 */
public record Gemma(LanguageConfig config) {
  /**
   * What attention needs to know about a sequence besides its activations.
   *
   * @param rotary cosines and sines of the queries' positions, float32 [2, R or 1, L, 1, h/2]
   * @param mask added to attention logits, float32 [R, 1, L, keys]
   * @param windowMask the same for blocks with the sliding window
   * @param spans where examples are, if they attend one by one; otherwise empty
   */
  public record AttentionContext(
      NDArray rotary, NDArray mask, NDArray windowMask, List<Layout.Span> spans) {
    AttentionContext with(List<Layout.Span> apart) {
      return new AttentionContext(rotary, mask, windowMask, apart);
    }

    /** As the kernel takes them. */
    private long[] places() {
      return spans.stream()
          .flatMapToLong(s -> LongStream.of(s.row(), s.first(), s.middle(), s.end()))
          .toArray();
    }
  }

  /** Shorter sequences keep a GPU busy only if all examples attend together. */
  private static final int LONG = 1024;

  /** The blocks, from the first to the final norm. */
  public List<BlockSpec> specs() {
    List<BlockSpec> specs = new ArrayList<>();
    for (int i = 0; i < config.depth(); i++) {
      specs.add(spec(i));
    }
    specs.add(normSpec());
    return specs;
  }

  private BlockSpec spec(int i) {
    int d = config.width();
    int queries = config.heads() * config.headDim();
    int keys = config.keyValueHeads() * config.headDim();
    List<Parameter> parameters = new ArrayList<>();
    parameters.add(scale("attention_norm/scale"));
    parameters.add(matrix("attention/query/w", queries, d));
    parameters.add(matrix("attention/key/w", keys, d));
    parameters.add(matrix("attention/value/w", keys, d));
    parameters.add(matrix("attention/out/w", d, queries));
    if (config.postNorms()) {
      parameters.add(scale("post_attention_norm/scale"));
    }
    parameters.add(scale("mlp_norm/scale"));
    parameters.add(matrix("mlp/gate/w", config.mlpWidth(), d));
    parameters.add(matrix("mlp/up/w", config.mlpWidth(), d));
    parameters.add(matrix("mlp/down/w", d, config.mlpWidth()));
    if (config.postNorms()) {
      parameters.add(scale("post_mlp_norm/scale"));
    }
    return new BlockSpec(
        "language/blocks/" + i,
        "language_block",
        parameters,
        List.of(
            config.headDim(),
            1 / Math.sqrt(config.queryScalar()),
            config.attentionSoftcap(),
            config.normEpsilon(),
            config.postNorms()));
  }

  private BlockSpec normSpec() {
    return new BlockSpec(
        "language/norm", "language_norm", List.of(scale("scale")), List.of(config.normEpsilon()));
  }

  private Parameter scale(String name) {
    return new Parameter(name, new Shape(config.width()), Init.ZEROS);
  }

  private static Parameter matrix(String name, int out, int in) {
    Shape shape = new Shape(out, in);
    return new Parameter(name, shape, Init.fanIn(shape), true);
  }

  // ---- context: which tokens attend to which, and their positions

  /**
   * The context of prompts, which are all prefix and whose positions count from 0.
   *
   * @param images how many of their tokens are image tokens
   */
  public AttentionContext context(Kernels kernels, NDManager owner, NDArray visible, long images) {
    long length = visible.getShape().get(2);
    NDArray positions = owner.create(LongStream.range(0, length).toArray(), new Shape(1, length));
    NDArray counted = windowOfSuffix() ? positions.zerosLike() : positions;
    NDArray turned = turned(kernels, owner, positions, images);
    return context(kernels, owner, visible, turned, positions, positions, counted);
  }

  /**
   * The context of a batch in its layout; {@code trace} receives which tokens see which, bool [R,
   * L, L].
   */
  public AttentionContext context(Kernels kernels, NDManager owner, Layout layout, Trace trace) {
    Shape shape = new Shape(layout.rows(), layout.length());
    NDArray visible =
        kernels.array(
            owner,
            "visible",
            Uploads.of(owner, layout.segments(), shape),
            Uploads.of(owner, layout.steps(), shape));
    trace.value("attn_mask", visible);
    NDArray positions = Uploads.of(owner, layout.positions()).reshape(-1, layout.length());
    positions.attach(owner);
    NDArray counted =
        windowOfSuffix() ? Uploads.of(owner, layout.windowPositions(), shape) : positions;
    NDArray turned =
        config.imageRopeFactor() > 0
            ? turned(kernels, owner, positions, Uploads.of(owner, layout.imageCounts(), shape))
            : positions;
    boolean apart =
        kernels.isOnGpu()
            && config.attentionSoftcap() == 0
            && config.slidingWindow() == 0
            && layout.length() >= LONG;
    return context(kernels, owner, visible, turned, positions, positions, counted)
        .with(apart ? layout.spans() : List.of());
  }

  /**
   * Positions by which queries and keys are rotated, if all rows have equally many image tokens.
   */
  private NDArray turned(Kernels kernels, NDManager owner, NDArray positions, long images) {
    return config.imageRopeFactor() > 0
        ? turned(kernels, owner, positions, owner.create(new long[] {images}, new Shape(1, 1)))
        : positions;
  }

  private NDArray turned(Kernels kernels, NDManager owner, NDArray positions, NDArray images) {
    return kernels.array(owner, "divided_positions", positions, images, config.imageRopeFactor());
  }

  private boolean windowOfSuffix() {
    return config.slidingWindow() > 0 && !config.windowCutsPrefix();
  }

  /**
   * The context of suffix tokens among keys.
   *
   * @param visible bool [B, queries or 1, keys]
   * @param queryPositions int64 [B or 1, queries]
   * @param keyPositions int64 [B or 1, keys]
   * @param images how many image tokens each row begins with
   */
  public AttentionContext context(
      Kernels kernels,
      NDManager owner,
      NDArray visible,
      NDArray queryPositions,
      NDArray keyPositions,
      long images) {
    NDArray turned = turned(kernels, owner, queryPositions, images);
    return context(kernels, owner, visible, turned, queryPositions, keyPositions, queryPositions);
  }

  /**
   * The same for any tokens.
   *
   * @param turned int64 or float64 [B or 1, queries]: each query's position for its rotation
   * @param windowPositions int64 [B or 1, queries]: each query's position for the window
   */
  private AttentionContext context(
      Kernels kernels,
      NDManager owner,
      NDArray visible,
      NDArray turned,
      NDArray queryPositions,
      NDArray keyPositions,
      NDArray windowPositions) {
    NDArray rotary = kernels.array(owner, "rotary", turned, config.headDim(), config.ropeTheta());
    NDArray mask = kernels.array(owner, "attention_mask", visible, queryPositions, keyPositions, 0);
    NDArray windowMask =
        config.slidingWindow() == 0
            ? mask
            : kernels.array(
                owner,
                "attention_mask",
                visible,
                windowPositions,
                keyPositions,
                config.slidingWindow());
    return new AttentionContext(rotary, mask, windowMask, List.of());
  }

  private static NDArray mask(AttentionContext context, int block) {
    return block % 2 == 0 ? context.windowMask : context.mask;
  }

  // ---- passes

  /** The blocks of a pass over joined tokens, to the last block's output; both [R, L, D]. */
  public List<Block> blocks(AttentionContext context, Dropout dropout, Precision precision) {
    long batch = context.mask.getShape().get(0);
    long length = context.mask.getShape().get(2);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < config.depth(); i++) {
      blocks.add(
          new Block(
              "llm.layer." + i,
              spec(i),
              List.of(
                  context.rotary,
                  mask(context, i),
                  context.places(),
                  dropout.rate(),
                  dropout.seed(i, config.depth(), Dropout.Branch.ATTENTION),
                  dropout.seed(i, config.depth(), Dropout.Branch.MLP),
                  Kernels.dtype(precision)),
              BlockBytes.of(config, batch, length, precision).graph()));
    }
    return blocks;
  }

  /** The final norm, for any rows of the last block's output. */
  public Block norm() {
    return new Block("llm.final_norm", normSpec(), List.of(), 0);
  }

  /**
   * Runs all blocks and writes keys and values of these tokens to the cache.
   *
   * @param x float32 [B, tokens, D]; closed here
   * @param keys by block, float32 [B, K, slots, h]; likewise {@code values}
   * @param start the first token's slot
   * @return float32 [B, tokens, D] in {@code owner}
   */
  public NDArray forwardCached(
      Kernels kernels,
      NDManager owner,
      Weights weights,
      NDArray x,
      AttentionContext context,
      Precision precision,
      List<NDArray> keys,
      List<NDArray> values,
      long start) {
    NDArray input = x;
    for (int i = 0; i < config.depth(); i++) {
      BlockSpec spec = spec(i);
      NDArray output;
      try (Weights.Lease lease = weights.take(spec)) {
        List<Object> arguments = new ArrayList<>();
        arguments.add(input);
        arguments.add(lease.arrays());
        arguments.addAll(spec.settings());
        arguments.addAll(
            List.of(
                context.rotary,
                mask(context, i),
                Kernels.dtype(precision),
                keys.get(i),
                values.get(i),
                start));
        output = kernels.arrays(owner, "language_block_cached", arguments.toArray()).get(0);
      }
      input.close();
      input = output;
    }
    return input;
  }
}
