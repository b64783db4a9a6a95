package dev.palimpsest.configs;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where a stage's first parameters come from. */
public sealed interface Init {
  /**
   * Stage 0: published checkpoints. Either {@code model} (a complete PaliGemma, npz or Hugging Face
   * folder) or both towers.
   *
   * @param vision SigLIP: an npz file or a Hugging Face folder
   * @param language Gemma: a Hugging Face folder
   * @param model a complete PaliGemma: an npz file or a Hugging Face folder
   * @param connector how the connector starts when towers are given
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
   * The end of an earlier stage of the same recipe.
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

  /** Start of the connector's kernel; its bias starts at zero in both. */
  enum ConnectorInit {
    /** Zeros (the paper, section 3.1). */
    ZERO,
    /** Normal with variance 1 / fan-in: for masks under which zeros would overflow. */
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
