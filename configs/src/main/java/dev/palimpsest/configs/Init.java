package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Key;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where a stage's first parameters come from. */
public sealed interface Init {
  /**
   * Published checkpoints, as in stage 0: either {@code model}, a complete PaliGemma, or both
   * towers, {@code vision} and {@code language}.
   *
   * @param vision a SigLIP image tower: an npz file or a Hugging Face folder
   * @param language a Gemma decoder: a Hugging Face folder
   * @param model a complete PaliGemma: an npz file or a Hugging Face folder
   * @param connector initialisation of the connector when towers are given
   * @param newTokens initialisation of the embedding rows that the decoder does not have yet, those
   *     of location and segmentation tokens
   */
  @Key("pretrained")
  record FromPretrained(
      @Nullable String vision,
      @Nullable String language,
      @Nullable String model,
      @Default("zero") ConnectorInit connector,
      @Default("normal") NewTokens newTokens)
      implements Init {
    /** Sources whose new tokens are drawn as in PaliGemma. */
    public FromPretrained(
        @Nullable String vision,
        @Nullable String language,
        @Nullable String model,
        ConnectorInit connector) {
      this(vision, language, model, connector, NewTokens.NORMAL);
    }

    /** Checks that the sources make one model. */
    public FromPretrained {
      new Check()
          .that(
              model != null
                  ? vision == null && language == null
                  : vision != null && language != null,
              "",
              "needs either 'model', or both 'vision' and 'language'")
          .done();
    }
  }

  /**
   * The final parameters of an earlier stage of the same recipe.
   *
   * @param stage name of that stage
   */
  @Key("stage")
  record FromStage(String stage) implements Init {}

  /**
   * A training checkpoint of another run.
   *
   * @param path folder of the checkpoint
   */
  @Key("checkpoint")
  record FromCheckpoint(String path) implements Init {}

  /** Initialisation of the connector's kernel; its bias starts at zero in either case. */
  enum ConnectorInit {
    /** Zeros (the paper, section 3.1). */
    ZERO,
    /** Normal with variance 1 / fan-in. For attention masks under which zeros would overflow. */
    NORMAL
  }

  /** Initialisation of new rows of the embedding (the paper, section 5.3). */
  enum NewTokens {
    /** Normal with deviation 0.02, as in PaliGemma. */
    NORMAL,
    /**
     * The mean of the other rows plus noise, whose deviation, which the paper does not give, is a
     * hundredth of theirs.
     */
    MEAN
  }

  /** Exhaustive choice by kind. */
  default <R> R match(
      Function<FromPretrained, R> pretrained,
      Function<FromStage, R> stage,
      Function<FromCheckpoint, R> checkpoint) {
    if (this instanceof FromPretrained p) {
      return pretrained.apply(p);
    } else if (this instanceof FromStage s) {
      return stage.apply(s);
    }
    return checkpoint.apply((FromCheckpoint) this);
  }
}
