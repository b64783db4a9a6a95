package dev.palimpsest.configs;

/**
 * A Gemma decoder. Gemma 1 and Gemma 2 are one decoder with options: Gemma 2 adds post-norms,
 * soft-caps, its own query scale and, in Hugging Face's version, a sliding window (big_vision
 * models/ppp/gemma.py).
 *
 * @param vocabulary rows of the tied embedding table, location and segmentation tokens included
 * @param width model width
 * @param depth number of blocks
 * @param mlpWidth hidden width of the gated MLP
 * @param heads query heads
 * @param keyValueHeads key and value heads; must divide {@code heads}
 * @param headDim width of one head; even, since rotary embedding turns halves
 * @param queryScalar queries are multiplied by {@code queryScalar^-0.5}; Gemma 1: the head width
 * @param attentionSoftcap c of {@code c * tanh(x / c)} on attention logits; 0 for none
 * @param finalSoftcap the same on output logits; 0 for none
 * @param postNorms whether each branch's output is normalised before it joins the residual (Gemma
 *     2)
 * @param slidingWindow keys further back than this are hidden from even layers (Hugging Face's
 *     Gemma 2); 0 for none
 * @param ropeTheta base of the rotary embedding
 * @param normEpsilon epsilon of every RMSNorm
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
    @Default("10000") double ropeTheta,
    @Default("1e-6") double normEpsilon) {
  /** Checks ranges. */
  public LanguageConfig {
    new Check()
        .positive("vocabulary", vocabulary)
        .positive("width", width)
        .positive("depth", depth)
        .positive("mlpWidth", mlpWidth)
        .positive("heads", heads)
        .positive("keyValueHeads", keyValueHeads)
        .positive("headDim", headDim)
        .positive("queryScalar", queryScalar)
        .notNegative("attentionSoftcap", attentionSoftcap)
        .notNegative("finalSoftcap", finalSoftcap)
        .notNegative("slidingWindow", slidingWindow)
        .positive("ropeTheta", ropeTheta)
        .positive("normEpsilon", normEpsilon)
        .that(
            keyValueHeads <= 0 || heads % keyValueHeads == 0,
            "keyValueHeads",
            "must divide the %d query heads, got %d",
            heads,
            keyValueHeads)
        .that(headDim % 2 == 0, "headDim", "must be even, got %d", headDim)
        .done();
  }

  /** The same decoder with another number of embedding rows. */
  public LanguageConfig withVocabulary(int rows) {
    return new LanguageConfig(
        rows,
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
        ropeTheta,
        normEpsilon);
  }

  /** The same decoder with other soft-caps. */
  public LanguageConfig withSoftcaps(double attention, double last) {
    return new LanguageConfig(
        vocabulary,
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
        ropeTheta,
        normEpsilon);
  }
}
