package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.configs.RanksConfig;
import java.util.Locale;

/** How a stage's state is divided among devices: the stages of ZeRO (arXiv 1910.02054). */
public enum Sharding {
  /** Every device holds all of it. */
  REPLICATED,
  /** Moments are divided. */
  ZERO1,
  /** Moments and gradients are divided. */
  ZERO2,
  /** Moments, gradients and parameters are divided; a device gathers a block at a time. */
  ZERO3;

  /** What a recipe asks for. */
  public static Sharding of(RanksConfig.Sharding recipe) {
    return switch (recipe) {
      case NONE -> REPLICATED;
      case OPTIMIZER -> ZERO1;
      case GRADIENTS -> ZERO2;
      case PARAMETERS -> ZERO3;
    };
  }

  /** Whether a use of memory is divided. */
  boolean divides(Use use) {
    return switch (use) {
      case MOMENTS -> this != REPLICATED;
      case GRADIENTS -> this == ZERO2 || this == ZERO3;
      case PARAMETERS -> this == ZERO3;
      default -> false;
    };
  }

  /** As it is written in options. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String toString() {
    return word();
  }
}
