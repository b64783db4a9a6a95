package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelCost.Use;
import java.util.Locale;

/** Amounts as they are written for people. */
public final class Amounts {
  private static final String[] PREFIXES = {"", "k", "M", "G", "T", "P"};

  private Amounts() {}

  /** {@code 11.7 GB}. */
  public static String bytes(long bytes) {
    return scaled((double) bytes, "B");
  }

  /** {@code 5.70 TFLOP}; very large ones as {@code 5.70e21 FLOP}. */
  public static String flops(double flops) {
    return flops >= 1e18
        ? String.format(Locale.ROOT, "%.2e FLOP", flops).replace("e+", "e")
        : scaled(flops, "FLOP");
  }

  private static String scaled(double value, String unit) {
    int prefix = 0;
    while (value >= 1000 && prefix < PREFIXES.length - 1) {
      value /= 1000;
      prefix++;
    }
    String format = prefix == 0 ? "%.0f %s%s" : value < 10 ? "%.2f %s%s" : "%.1f %s%s";
    return String.format(Locale.ROOT, format, value, PREFIXES[prefix], unit);
  }

  /** A use of memory in words. */
  public static String word(Use use) {
    return switch (use) {
      case PARAMETERS -> "parameters";
      case GRADIENTS -> "gradients";
      case MOMENTS -> "moments";
      case BLOCK_INPUTS -> "block inputs";
      case GRAPHS -> "graphs";
      case BACKWARD -> "backward pass of a block";
      case LOGITS -> "logits";
      case CHECKPOINT -> "checkpoint being written";
      case BATCHES -> "batches read ahead";
    };
  }
}
