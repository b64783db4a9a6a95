package dev.palimpsest.configs;

import java.util.List;
import java.util.Map;

/**
 * Sizes of a timed training step.
 *
 * @param model sizes of the networks
 * @param resolution side of the square input, in pixels
 * @param textTokens text positions
 * @param batchSize examples a step, in one forward pass
 */
public record BenchConfig(ModelConfig model, int resolution, int textTokens, int batchSize) {
  /** 56px, 2 + 2 blocks of width 64 and 96. */
  public static final BenchConfig TINY =
      new BenchConfig(
          new ModelConfig(new VisionConfig(64, 2, 256, 4, 14, 1e-6), gemma(512, 96, 2, 384, 4, 24)),
          56,
          32,
          4);

  /** 224px, 6 + 6 blocks of width 384 and 512. */
  public static final BenchConfig SMALL =
      new BenchConfig(
          new ModelConfig(
              new VisionConfig(384, 6, 1536, 6, 14, 1e-6), gemma(8192, 512, 6, 2048, 8, 64)),
          224,
          128,
          4);

  /** How {@link #flopsPerStep()} counts, in one line. */
  public static final String FLOPS_FORMULA =
      "FLOP/step = B * (3 * (vision blocks + connector + decoder blocks + head) + 2 * patches),"
          + " products only: vision block 2N(4d^2 + 2dm) + 4N^2d, decoder block 2L(Dh(2H + 2K) +"
          + " 3DM) + 4L^2Hh, head 2TDV; L = N + T";

  /** Checks ranges. */
  public BenchConfig {
    new Check()
        .range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels")
        .range("textTokens", textTokens, 1, Check.MOST_TOKENS, "tokens")
        .range("batchSize", batchSize, 1, Check.MOST_BATCH, "examples")
        .done();
  }

  private static LanguageConfig gemma(
      int vocabulary, int width, int depth, int mlp, int heads, int headDim) {
    return new LanguageConfig(
        vocabulary, width, depth, mlp, heads, 1, headDim, headDim, 0, 0, false, 0, 10000, 1e-6);
  }

  /**
   * Floating-point operations of the matrix products of forward and backward, recomputation not
   * counted.
   */
  public double flopsPerStep() {
    VisionConfig v = model.vision();
    LanguageConfig l = model.language();
    double n = v.imageTokens(resolution);
    double all = n + textTokens;
    double patches = 2 * n * 3 * v.patchSize() * v.patchSize() * v.width();
    double vision =
        v.depth()
            * (2 * n * (4.0 * v.width() * v.width() + 2.0 * v.width() * v.mlpWidth())
                + 4 * n * n * v.width());
    double connector = 2 * n * v.width() * l.width();
    double decoder =
        l.depth()
            * (2
                    * all
                    * (l.width() * (double) l.headDim() * (2 * l.heads() + 2 * l.keyValueHeads())
                        + 3.0 * l.width() * l.mlpWidth())
                + 4 * all * all * l.heads() * l.headDim());
    double head = 2.0 * textTokens * l.width() * l.vocabulary();
    return batchSize * (3 * (vision + connector + decoder + head) + 2 * patches);
  }

  /** A stage of these sizes: everything trains, clip 1, Adam at a small constant rate. */
  public StageConfig stage(Precision precision) {
    OptimizerConfig optimizer =
        new OptimizerConfig(
            1e-4,
            0.9,
            0.999,
            1e-8,
            1.0,
            1e-4,
            ".*/kernel",
            new ScheduleConfig.Constant(0, 0),
            List.of(new ParameterGroupConfig(".*", 1, null, false)));
    return StageConfig.bare(
        "bench",
        batchSize,
        resolution,
        textTokens,
        batchSize,
        batchSize,
        precision,
        Map.of("bench", 1.0),
        optimizer);
  }
}
