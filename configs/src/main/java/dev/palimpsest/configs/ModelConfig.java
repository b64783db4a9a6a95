package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.ArrayList;
import java.util.List;

/**
 * Image tower, connector and decoder (PaliGemma paper, section 3.1). The resolution is a setting of
 * the stage.
 *
 * @param vision the image tower
 * @param language the decoder
 * @param connector what maps image tokens from the image tower's width to the decoder's
 * @param causalFrom the first segment whose tokens only see what is before them; what comes earlier
 *     sees itself in both directions. {@code suffix} is prefix-LM, PaliGemma's mask; {@code prefix}
 *     and {@code image} are the other masks of the paper's section 5.2. With {@code image}, a
 *     connector of zeros gets gradients that overflow: use {@code connector: normal} in {@code
 *     init.pretrained}
 */
public record ModelConfig(
    VisionConfig vision,
    LanguageConfig language,
    @Default("linear") Connector connector,
    @Default("suffix") Segment causalFrom) {
  /** Maps image tokens to the width of the decoder. */
  public enum Connector {
    /** A linear layer with bias. */
    LINEAR,
    /**
     * A hidden layer of the decoder's width with GELU, and a linear layer (section 5.5, which does
     * not give the width). With {@code connector: zero} only the second layer starts at zero.
     */
    MLP
  }

  /** Checks the mask, and fills in what checkpoints of earlier versions do not record. */
  @SuppressWarnings("ConstantValue")
  public ModelConfig {
    connector = connector == null ? Connector.LINEAR : connector;
    causalFrom = causalFrom == null ? Segment.SUFFIX : causalFrom;
    new Check()
        .that(
            causalFrom == Segment.SUFFIX || language == null || language.slidingWindow() == 0,
            "causalFrom",
            "must be suffix for a decoder with a sliding window, which is only known for that mask")
        .done();
  }

  /** PaliGemma: a linear connector and prefix-LM. */
  public ModelConfig(VisionConfig vision, LanguageConfig language) {
    this(vision, language, Connector.LINEAR, Segment.SUFFIX);
  }

  /** The same model with another number of embedding rows. */
  public ModelConfig withVocabulary(int rows) {
    return with(language.withVocabulary(rows));
  }

  /** The same model with another decoder. */
  public ModelConfig with(LanguageConfig other) {
    return new ModelConfig(vision, other, connector, causalFrom);
  }

  /** The same model, with an image tower that encodes pictures whole. */
  public ModelConfig withoutWindows() {
    return new ModelConfig(vision.withImageWindow(0), language, connector, causalFrom);
  }

  /**
   * Why no published layout of PaliGemma can hold this model; empty if one can.
   *
   * @param resolution side of its pictures, in pixels
   */
  public List<String> inexpressible(int resolution) {
    List<String> reasons = new ArrayList<>();
    if (connector != Connector.LINEAR) {
      reasons.add("its connector is an MLP, and PaliGemma's is one linear layer");
    }
    if (causalFrom != Segment.SUFFIX) {
      reasons.add(
          "its mask is causal from the %s on, and PaliGemma's from the suffix on"
              .formatted(causalFrom == Segment.IMAGE ? "image" : "prefix"));
    }
    if (vision.depth() == 0) {
      reasons.add("its image tower has no blocks, which programs that read these layouts expect");
    }
    if (vision.windows(resolution) > 1) {
      reasons.add(
          "its image tower encodes windows of %dpx one by one, and PaliGemma's whole pictures"
              .formatted(vision.imageWindow()));
    }
    if (language.imageRopeFactor() > 1) {
      reasons.add("its image tokens share rotary positions, and PaliGemma's have one each");
    }
    return reasons;
  }
}
