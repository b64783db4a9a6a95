package dev.palimpsest.configs;

/**
 * Number format of a stage's computation. Master parameters and optimizer state are float32 in
 * either case.
 */
public enum Precision {
  /** Everything is computed in float32. */
  F32,
  /** Blocks are computed in bfloat16; norms, softmax statistics and the loss in float32. */
  BF16
}
