package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * Adafactor as big_vision uses it (optax.py, scale_by_adafactor): instead of the second moment of a
 * matrix, the means of its rows and columns are kept. There is no bias correction. The optimizer's
 * {@code beta1} is the decay rate of the momentum, 0 for none; {@code beta2} and {@code epsilon}
 * are not used.
 *
 * @param decayRate exponent r of the second moment's decay rate at update t, 1 - t^-r
 * @param beta2Cap the largest decay rate of the second moment
 * @param clippingThreshold the largest root mean square of a parameter's update before momentum;
 *     larger updates are scaled down to it; 0 for no limit
 * @param minFactoredSize a matrix is factored if both of its dimensions are at least this
 */
public record AdafactorConfig(
    @Default("0.8") double decayRate,
    @Default("0.999") double beta2Cap,
    @Default("0") double clippingThreshold,
    @Default("32") int minFactoredSize) {
  /** Checks the ranges of the values. */
  public AdafactorConfig {
    new Check()
        .range("decayRate", decayRate, 0.01, 10)
        .range("beta2Cap", beta2Cap, 0, OptimizerConfig.MOST_BETA)
        .noneOr("clippingThreshold", clippingThreshold, 1e-9, 1e9)
        .range("minFactoredSize", minFactoredSize, 1, 1_000_000, "elements")
        .done();
  }
}
