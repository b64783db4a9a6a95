package dev.palimpsest.model;

/**
 * The loss of a micro batch whose gradients may still be being computed: whoever reads it waits for
 * them, and a GPU has nothing to do until it is given more.
 */
@FunctionalInterface
public interface UnreadLoss {
  /** Waits for it. */
  Loss read();
}
