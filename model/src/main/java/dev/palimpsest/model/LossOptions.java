package dev.palimpsest.model;

import dev.palimpsest.model.towers.Dropout;

/**
 * How the loss of a micro batch is computed.
 *
 * @param labelSmoothing e: targets are 1 - e on the true token and e / (V - 1) elsewhere
 * @param dropout on both residual branches of the decoder
 * @param weight factor on the micro batch's loss and gradients: micro batch / global batch, so that
 *     accumulated gradients are those of one large batch
 */
public record LossOptions(double labelSmoothing, Dropout dropout, double weight) {
  /** No smoothing, no dropout, the batch counts whole. */
  public static final LossOptions PLAIN = new LossOptions(0, Dropout.NONE, 1);
}
