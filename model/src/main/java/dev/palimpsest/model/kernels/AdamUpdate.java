package dev.palimpsest.model.kernels;

/**
 * The numbers of one AdamW update in big_vision's chain (optax.py): {@code p -= rate * (mu / (1 -
 * beta1^step)) / (sqrt(nu / (1 - beta2^step)) + epsilon) + decay * p}.
 *
 * @param gradientScale factor on gradients before they enter the moments, from clipping
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added outside the root
 * @param step number of this update, from 1
 * @param rate learning rate times schedule; with 0 only the moments change
 * @param decay weight decay times schedule, not multiplied by the learning rate
 */
public record AdamUpdate(
    double gradientScale,
    double beta1,
    double beta2,
    double epsilon,
    long step,
    double rate,
    double decay) {
  /** Checks that the step is at least 1. */
  public AdamUpdate {
    if (step < 1) {
      throw new IllegalArgumentException("updates are counted from 1, got step " + step);
    }
  }
}
