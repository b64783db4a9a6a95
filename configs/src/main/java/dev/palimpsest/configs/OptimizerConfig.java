package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Variants;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Adam, or Adafactor, as big_vision chains it (optax.py, make): clip the gradients by their global
 * norm, apply Adam, multiply by the learning rate, add weight decay, multiply by the schedule, and
 * subtract from the parameters.
 *
 * @param learningRate base learning rate, before the schedule and the group's multiplier are
 *     applied
 * @param beta1 decay rate of the first moment
 * @param beta2 decay rate of the second moment
 * @param epsilon added to the denominator, outside the square root
 * @param clipNorm the largest global gradient norm; larger gradients are scaled down to it; 0 for
 *     no clipping
 * @param weightDecay weight decay per step when the schedule factor is 1; not multiplied by the
 *     learning rate
 * @param weightDecayPattern regular expression for the names of parameters that decay; by default
 *     the kernels of the image tower and the connector, as in big_vision
 * @param schedule the schedule of every group that does not have its own
 * @param groups parameter groups; by default a single group of all parameters
 * @param momentumPrecision number format in which the first moment, or Adafactor's momentum, is
 *     kept between steps; f32 if absent. With bf16 it decays by beta1 rounded to bfloat16, as in
 *     big_vision, whose configurations use bf16
 * @param adafactor Adafactor's settings; if present, Adafactor is used instead of Adam
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
    @Default("[{pattern: '.*'}]") List<ParameterGroupConfig> groups,
    @Nullable Precision momentumPrecision,
    @Nullable AdafactorConfig adafactor) {
  /** A larger value rounds to 1 in float32, and the moments would never change. */
  static final double MOST_BETA = 0.999999;

  /** Checks ranges, and that there is at least one group. */
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

  /** The optimizer's name. */
  public String algorithm() {
    return adafactor == null ? "Adam" : "Adafactor";
  }

  /**
   * Bytes that are kept for each trained parameter from step to step. Adafactor's means of rows and
   * columns are too few to matter.
   */
  public int momentBytes() {
    boolean hasMomentum = adafactor == null || beta1 > 0;
    return (hasMomentum ? momentumType().bytes() : 0)
        + (adafactor == null ? Precision.F32.bytes() : 0);
  }

  /** Number format in which the first moment is kept. */
  public Precision momentumType() {
    return momentumPrecision == null ? Precision.F32 : momentumPrecision;
  }

  /**
   * Finds warm-ups and cool-downs that are at least as long as the learning-rate curve they belong
   * to, so that the rate would never reach its full value. big_vision refuses such a warm-up too
   * (utils.py, create_learning_rate_schedule); it accepts curves of a single step, and so do the
   * callers of this method. Frozen groups are not checked.
   *
   * @param end the end of the curve, in examples
   * @return messages by the path of the setting
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
