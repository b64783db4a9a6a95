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
   */
  @Key("pretrained")
  record FromPretrained(
      @Nullable String vision,
      @Nullable String language,
      @Nullable String model,
      @Default("zero") ConnectorInit connector)
      implements Init {
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
