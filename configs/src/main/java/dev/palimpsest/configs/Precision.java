package dev.palimpsest.configs;

/**
 * Number format of a stage's computation. Master parameters and optimizer state are float32 in
 * both.
 */
public enum Precision {
  /** float32 throughout. */
  F32,
  /** Blocks compute in bfloat16; norms, softmax statistics and the loss in float32. */
  BF16
}
