package dev.palimpsest.cli.commands;

import dev.palimpsest.configs.Precision;
import picocli.CommandLine.Option;

/** {@code --precision}, the same for every command that answers with a saved model. */
final class PrecisionOption {
  @Option(
      names = "--precision",
      paramLabel = "f32|bf16",
      defaultValue = "f32",
      description = {
        "f32: weights as they were saved, float32 computation.",
        "bf16: matrices are stored and multiplied in bfloat16, which halves memory and the time per"
            + " generated token. Default: f32."
      })
  private Precision precision = Precision.F32;

  Precision get() {
    return precision;
  }
}
