package dev.palimpsest.model;

import dev.palimpsest.model.towers.Dropout;

/**
 * How the loss of a micro batch is computed.
 *
 * @param labelSmoothing e: targets are 1 - e for the true token and e / (V - 1) for the others
 * @param dropout on both residual branches of the decoder
 * @param weight factor on the micro batch's loss and gradients: micro batch / global batch, so that
 *     accumulated gradients equal those of one large batch
 */
public record LossOptions(double labelSmoothing, Dropout dropout, double weight) {
  /** No smoothing, no dropout, weight 1. */
  public static final LossOptions PLAIN = new LossOptions(0, Dropout.NONE, 1);
}
