package dev.palimpsest.configs;

/** The segments of an example's sequence, in their order. */
public enum Segment {
  /** The image tokens. */
  IMAGE,
  /** The prompt, from the BOS token to the separator. */
  PREFIX,
  /** The target, with the EOS token. */
  SUFFIX
}
