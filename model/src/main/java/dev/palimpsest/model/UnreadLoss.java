package dev.palimpsest.model;

/**
 * The loss of a micro batch whose gradients may still be in computation. Reading it waits for them,
 * and a GPU is then idle until it is given more.
 */
@FunctionalInterface
public interface UnreadLoss {
  /** Waits for it. */
  Loss read();
}
