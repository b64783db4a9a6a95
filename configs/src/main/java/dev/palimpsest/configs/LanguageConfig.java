package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * A Gemma decoder. Gemma 1 and Gemma 2 are the same decoder with different options: Gemma 2 adds
 * post-norms, soft-caps, its own query scale and, in Hugging Face's version, a sliding window
 * (big_vision models/ppp/gemma.py).
 *
 * @param vocabulary rows of the tied embedding table, including location and segmentation tokens
 * @param width model width
 * @param depth number of blocks
 * @param mlpWidth hidden width of the gated MLP
 * @param heads number of query heads
 * @param keyValueHeads number of key and value heads; must divide {@code heads}
 * @param headDim width of one head; must be even, since the rotary embedding rotates pairs of
 *     halves
 * @param queryScalar queries are multiplied by {@code queryScalar^-0.5}; in Gemma 1, this is the
 *     head width
 * @param attentionSoftcap the cap c in {@code c * tanh(x / c)}, applied to attention logits; 0 for
 *     none
 * @param finalSoftcap the same for output logits; 0 for none
 * @param postNorms whether each branch's output is normalised before it is added to the residual
 *     (Gemma 2)
 * @param slidingWindow in even layers, a query at position i sees no position before {@code i -
 *     slidingWindow + 1} (Hugging Face's Gemma 2); 0 for none
 * @param windowCutsPrefix whether the window also hides prefix tokens (pictures and prompt) from
 *     each other, as in transformers up to 4.52. If false, it applies to the suffix only, as in
 *     transformers 5
 * @param ropeTheta base of the rotary embedding
 * @param normEpsilon epsilon of every RMSNorm
 * @param imageRopeFactor the rotary positions of image tokens are divided by it, and text goes on
 *     where they end, in steps of one: with 4, the 1024 image tokens of 448px have the positions
 *     from 0 to 256, like the 256 of 224px (the paper, section 7). 0: every token has a position of
 *     its own. The sliding window and the mask count tokens all the same
 */
public record LanguageConfig(
    int vocabulary,
    int width,
    int depth,
    int mlpWidth,
    int heads,
    int keyValueHeads,
    int headDim,
    double queryScalar,
    @Default("0") double attentionSoftcap,
    @Default("0") double finalSoftcap,
    @Default("false") boolean postNorms,
    @Default("0") int slidingWindow,
    @Default("false") boolean windowCutsPrefix,
    @Default("10000") double ropeTheta,
    @Default("1e-6") double normEpsilon,
    @Default("0") double imageRopeFactor) {
  /** A smaller soft-cap makes all logits alike. */
  static final double LEAST_SOFTCAP = 0.1;

  /** A larger one caps nothing. */
  static final double MOST_SOFTCAP = 1e6;

  /** A larger one gives the tokens of a large picture hardly any positions. */
  static final double MOST_ROPE_FACTOR = 1e6;

  /** Checks ranges, and that heads and head width are consistent. */
  public LanguageConfig {
    new Check()
        .range("vocabulary", vocabulary, 1, 16_777_216, "rows")
        .range("width", width, 1, 65_536, "")
        .range("depth", depth, 1, 1000, "blocks")
        .range("mlpWidth", mlpWidth, 1, 1_000_000, "")
        .range("heads", heads, 1, 65_536, "heads")
        .range("keyValueHeads", keyValueHeads, 1, 65_536, "heads")
        .range("headDim", headDim, 1, 65_536, "")
        .range("queryScalar", queryScalar, 1e-6, 1e9)
        .noneOr("attentionSoftcap", attentionSoftcap, LEAST_SOFTCAP, MOST_SOFTCAP)
        .noneOr("finalSoftcap", finalSoftcap, LEAST_SOFTCAP, MOST_SOFTCAP)
        .range("slidingWindow", slidingWindow, 0, 1_000_000_000, "tokens")
        .range("ropeTheta", ropeTheta, 1, 1e12)
        .range("normEpsilon", normEpsilon, 1e-30, 1)
        .noneOr("imageRopeFactor", imageRopeFactor, 1, MOST_ROPE_FACTOR)
        .that(
            keyValueHeads <= 0 || heads % keyValueHeads == 0,
            "keyValueHeads",
            "must divide the %d query heads, got %d",
            heads,
            keyValueHeads)
        .that(headDim % 2 == 0, "headDim", "must be even, got %d", headDim)
        .done();
  }

  /** A decoder whose sliding window, if any, applies to the suffix only. */
  public LanguageConfig(
      int vocabulary,
      int width,
      int depth,
      int mlpWidth,
      int heads,
      int keyValueHeads,
      int headDim,
      double queryScalar,
      double attentionSoftcap,
      double finalSoftcap,
      boolean postNorms,
      int slidingWindow,
      double ropeTheta,
      double normEpsilon) {
    this(
        vocabulary,
        width,
        depth,
        mlpWidth,
        heads,
        keyValueHeads,
        headDim,
        queryScalar,
        attentionSoftcap,
        finalSoftcap,
        postNorms,
        slidingWindow,
        false,
        ropeTheta,
        normEpsilon,
        0);
  }

  /** The same decoder with another number of embedding rows. */
  public LanguageConfig withVocabulary(int rows) {
    return with(rows, attentionSoftcap, finalSoftcap, windowCutsPrefix, imageRopeFactor);
  }

  /** The same decoder with other soft-caps. */
  public LanguageConfig withSoftcaps(double attention, double last) {
    return with(vocabulary, attention, last, windowCutsPrefix, imageRopeFactor);
  }

  /** The same decoder with a window of the other kind. */
  public LanguageConfig withWindowCutsPrefix(boolean cuts) {
    return with(vocabulary, attentionSoftcap, finalSoftcap, cuts, imageRopeFactor);
  }

  /** The same decoder with other positions of image tokens. */
  public LanguageConfig withImageRopeFactor(double factor) {
    return with(vocabulary, attentionSoftcap, finalSoftcap, windowCutsPrefix, factor);
  }

  private LanguageConfig with(
      int rows, double attention, double last, boolean cuts, double factor) {
    return new LanguageConfig(
        rows,
        width,
        depth,
        mlpWidth,
        heads,
        keyValueHeads,
        headDim,
        queryScalar,
        attention,
        last,
        postNorms,
        slidingWindow,
        cuts,
        ropeTheta,
        normEpsilon,
        factor);
  }
}
