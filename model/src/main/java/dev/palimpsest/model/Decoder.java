package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/** The Gemma decoder as blocks, first and second generation. Letters as in {@link ModelInput}. */
final class Decoder {
  private final LanguageConfig config;
  private final Kernels kernels;

  Decoder(LanguageConfig config, Kernels kernels) {
    this.config = config;
    this.kernels = kernels;
  }

  /**
   * What blocks need of a sequence besides its activations.
   *
   * @param rotary cosines and sines of the queries' positions, float32 [2, R or 1, L, 1, h/2]
   * @param mask added to attention logits, float32 [R, 1, L, keys]
   * @param windowMask the same for blocks with the sliding window
   */
  record Surroundings(NDArray rotary, NDArray mask, NDArray windowMask) {}

  /** Surroundings of prompts, all prefix, whose positions count from 0. */
  Surroundings surroundings(NDManager owner, NDArray visible) {
    long length = visible.getShape().get(2);
    NDArray positions = owner.create(LongStream.range(0, length).toArray(), new Shape(1, length));
    NDArray counted = windowOfSuffix() ? positions.zerosLike() : positions;
    return surroundings(owner, visible, positions, positions, counted);
  }

  /** Surroundings of a laid out batch; {@code trace} hears who sees whom, bool [R, L, L]. */
  Surroundings surroundings(NDManager owner, Layout layout, Trace trace) {
    Shape shape = new Shape(layout.rows(), layout.length());
    NDArray visible =
        kernels.array(
            owner,
            "visible",
            owner.create(layout.segments(), shape),
            owner.create(layout.steps(), shape));
    trace.value("attn_mask", visible);
    NDArray positions = owner.create(layout.positions()).reshape(-1, layout.length());
    positions.attach(owner);
    NDArray counted = windowOfSuffix() ? owner.create(layout.windowPositions(), shape) : positions;
    return surroundings(owner, visible, positions, positions, counted);
  }

  private boolean windowOfSuffix() {
    return config.slidingWindow() > 0 && !config.windowCutsPrefix();
  }

  /**
   * Surroundings of suffix tokens among keys.
   *
   * @param visible bool [B, queries or 1, keys]
   * @param queryPositions int64 [B or 1, queries]
   * @param keyPositions int64 [B or 1, keys]
   */
  Surroundings surroundings(
      NDManager owner, NDArray visible, NDArray queryPositions, NDArray keyPositions) {
    return surroundings(owner, visible, queryPositions, keyPositions, queryPositions);
  }

  /**
   * @param windowPositions int64 [B or 1, queries]: where the window takes each query to stand
   */
  private Surroundings surroundings(
      NDManager owner,
      NDArray visible,
      NDArray queryPositions,
      NDArray keyPositions,
      NDArray windowPositions) {
    NDArray rotary =
        kernels.array(owner, "rotary", queryPositions, config.headDim(), config.ropeTheta());
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
    return new Surroundings(rotary, mask, windowMask);
  }

  /** Blocks from joined tokens to the last block's output, both float32 [R, L, D]. */
  List<Block> blocks(Surroundings around, Dropout dropout, Precision precision) {
    long batch = around.mask.getShape().get(0);
    long length = around.mask.getShape().get(2);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < config.depth(); i++) {
      List<Object> settings = new ArrayList<>(settings(around, i));
      settings.addAll(
          List.of(
              dropout.rate(),
              dropout.seed(i, config.depth(), Dropout.Branch.ATTENTION),
              dropout.seed(i, config.depth(), Dropout.Branch.MLP),
              Kernels.dtype(precision)));
      blocks.add(
          new Block(
              "llm.layer." + i,
              "language_block",
              blockParameters(i),
              settings,
              graphBytes(batch, length)));
    }
    return blocks;
  }

  /** The final norm, for any rows of the last block's output. */
  Block norm() {
    return new Block(
        "llm.final_norm",
        "language_norm",
        List.of("language/norm/scale"),
        List.of(config.normEpsilon()),
        0);
  }

  /**
   * Runs all blocks, writing keys and values of these tokens into the cache.
   *
   * @param x float32 [B, tokens, D]; closed
   * @param start the first token's slot
   * @return float32 [B, tokens, D] in {@code owner}
   */
  NDArray forwardCached(
      NDManager owner,
      Parameters parameters,
      NDArray x,
      Surroundings around,
      Precision precision,
      List<NDArray> keys,
      List<NDArray> values,
      long start) {
    NDArray input = x;
    for (int i = 0; i < config.depth(); i++) {
      List<Object> arguments = new ArrayList<>();
      arguments.add(input);
      arguments.add(blockParameters(i).stream().map(parameters::get).toList());
      arguments.addAll(settings(around, i));
      arguments.addAll(List.of(Kernels.dtype(precision), keys.get(i), values.get(i), start));
      NDArray output = kernels.arrays(owner, "language_block_cached", arguments.toArray()).get(0);
      input.close();
      input = output;
    }
    return input;
  }

  private List<Object> settings(Surroundings around, int block) {
    return List.of(
        around.rotary,
        block % 2 == 0 ? around.windowMask : around.mask,
        config.headDim(),
        1 / Math.sqrt(config.queryScalar()),
        config.attentionSoftcap(),
        config.normEpsilon());
  }

  private List<String> blockParameters(int i) {
    String block = "language/blocks/" + i + "/";
    List<String> names = new ArrayList<>();
    names.add(block + "attention_norm/scale");
    names.add(block + "attention/query/w");
    names.add(block + "attention/key/w");
    names.add(block + "attention/value/w");
    names.add(block + "attention/out/w");
    if (config.postNorms()) {
      names.add(block + "post_attention_norm/scale");
    }
    names.add(block + "mlp_norm/scale");
    names.add(block + "mlp/gate/w");
    names.add(block + "mlp/up/w");
    names.add(block + "mlp/down/w");
    if (config.postNorms()) {
      names.add(block + "post_mlp_norm/scale");
    }
    return names;
  }

  private long graphBytes(long batch, long length) {
    long heads = (long) config.heads() * config.headDim();
    long token = 10L * config.width() + 4L * config.mlpWidth() + 4 * heads;
    long logits = config.attentionSoftcap() > 0 ? 3L * config.heads() * length : 0;
    return 4 * batch * length * (token + logits);
  }
}
