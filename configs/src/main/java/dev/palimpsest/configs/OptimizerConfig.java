package dev.palimpsest.configs;

import java.util.List;

/**
 * Adam in big_vision's chain (optax.py, make): clip by global norm, Adam, learning rate, plus
 * decay, schedule, subtract.
 *
 * @param learningRate base learning rate, before schedule and group multiplier
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added outside the root
 * @param clipNorm largest global gradient norm; 0 for no clipping
 * @param weightDecay decay a step at schedule factor 1; not multiplied by the learning rate
 * @param weightDecayPattern names that decay; by default the image tower's and the connector's
 *     kernels, as big_vision
 * @param schedule schedule of every group that has none of its own
 * @param groups parameter groups; by default one that takes everything
 */
public record OptimizerConfig(
    double learningRate,
    @Default("0.9") double beta1,
    @Default("0.999") double beta2,
    @Default("1e-8") double epsilon,
    @Default("1.0") double clipNorm,
    @Default("0") double weightDecay,
    @Default("'.*/kernel'") String weightDecayPattern,
    ScheduleConfig schedule,
    @Default("[{pattern: '.*'}]") List<ParameterGroupConfig> groups) {
  /** Checks ranges. */
  public OptimizerConfig {
    new Check()
        .notNegative("learningRate", learningRate)
        .within("beta1", beta1, 0, 1)
        .within("beta2", beta2, 0, 1)
        .positive("epsilon", epsilon)
        .notNegative("clipNorm", clipNorm)
        .notNegative("weightDecay", weightDecay)
        .that(!groups.isEmpty(), "groups", "must name at least one group")
        .done();
    groups = List.copyOf(groups);
  }
}
