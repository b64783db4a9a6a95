package dev.palimpsest.configs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
  /** In float32 a larger one is 1, and the moments would never move. */
  private static final double MOST_BETA = 0.999999;

  /** Checks ranges. */
  public OptimizerConfig {
    new Check()
        .range("learningRate", learningRate, 0, 1e6)
        .range("beta1", beta1, 0, MOST_BETA)
        .range("beta2", beta2, 0, MOST_BETA)
        .range("epsilon", epsilon, 1e-30, 1)
        .noneOr("clipNorm", clipNorm, 1e-9, 1e9)
        .range("weightDecay", weightDecay, 0, 1)
        .that(!groups.isEmpty(), "groups", "must name at least one group")
        .done();
    groups = List.copyOf(groups);
  }

  /**
   * Warm-ups and cool-downs that are as long as the learning-rate curve they are part of, by the
   * path of the number. The rate would never reach its value (big_vision utils.py,
   * create_learning_rate_schedule, refuses such a warm-up; curves of a single step are let pass
   * there and by callers here). Frozen groups have no rate.
   *
   * @param end where the curve ends, in examples
   */
  public Map<String, String> scheduleMistakes(long end) {
    Map<String, String> mistakes = new LinkedHashMap<>();
    scheduleMistakes("schedule", schedule, end, mistakes);
    for (int i = 0; i < groups.size(); i++) {
      ScheduleConfig own = groups.get(i).schedule();
      if (own != null && !groups.get(i).frozen()) {
        scheduleMistakes("groups[" + i + "].schedule", own, end, mistakes);
      }
    }
    return mistakes;
  }

  private static void scheduleMistakes(
      String path, ScheduleConfig schedule, long end, Map<String, String> mistakes) {
    String kind = path + "." + Variants.wordOf(schedule.getClass()).orElseThrow() + ".";
    if (schedule.warmupExamples() >= end) {
      mistakes.put(kind + "warmupExamples", tooLong(end, schedule.warmupExamples()));
    }
    if (schedule.cooldownExamples() >= end) {
      mistakes.put(kind + "cooldownExamples", tooLong(end, schedule.cooldownExamples()));
    }
  }

  private static String tooLong(long end, long got) {
    return "must be shorter than the learning-rate curve, which ends at %d examples, got %d"
        .formatted(end, got);
  }
}
