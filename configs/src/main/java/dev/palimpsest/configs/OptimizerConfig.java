package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Variants;
import java.util.Collections;
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
 * @param groups parameter groups by name. {@code vision}, {@code connector} and {@code language}
 *     are those parts of the model; other groups have a pattern. Parameters of no group belong to
 *     {@code others}, which has the settings above unless it is listed as well
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
    @Default("{}") Map<String, ParameterGroupConfig> groups,
    @Nullable Precision momentumPrecision,
    @Nullable AdafactorConfig adafactor) {
  /** A larger value rounds to 1 in float32, and the moments would never change. */
  static final double MOST_BETA = 0.999999;

  /** The group of the parameters that no other group takes. */
  public static final String OTHERS = "others";

  /** The parts of the model, each of which is a group's name and the beginning of its names. */
  private static final List<String> PARTS = List.of("vision", "connector", "language");

  /** Checks ranges, and the names and patterns of groups. */
  public OptimizerConfig {
    Check check = new Check();
    groups.forEach(
        (name, group) -> {
          String at = "groups." + name;
          check.that(
              name.matches("[A-Za-z][A-Za-z0-9_-]{0,49}"),
              at,
              "is not the name of a group, which begins with a letter: groups are addressed by name"
                  + " and not by number, as in groups.vision.frozen");
          if (name.equals(OTHERS)) {
            check.that(
                group.pattern() == null,
                at + ".pattern",
                "must not be given: this group has the parameters that no other group takes");
          } else {
            check.that(
                group.pattern() != null || PARTS.contains(name),
                at + ".pattern",
                "is required, as '%s' is not one of the parts %s; names of parameters look like"
                    + " language/blocks/0/attention/query/w",
                name,
                String.join(", ", PARTS));
          }
        });
    check
        .range("learningRate", learningRate, 0, 1e6)
        .range("beta1", beta1, 0, MOST_BETA)
        .range("beta2", beta2, 0, MOST_BETA)
        .range("epsilon", epsilon, 1e-30, 1)
        .noneOr("clipNorm", clipNorm, 1e-9, 1e9)
        .range("weightDecay", weightDecay, 0, 1)
        .done();
    groups = Collections.unmodifiableMap(new LinkedHashMap<>(groups));
  }

  /** The regular expression that a group's parameters match, other than {@link #OTHERS}. */
  public String pattern(String group) {
    ParameterGroupConfig config = groups.get(group);
    String pattern = config == null ? null : config.pattern();
    return pattern == null ? group + "/.*" : pattern;
  }

  /** The settings of the parameters that no group takes. */
  public ParameterGroupConfig others() {
    return groups.getOrDefault(OTHERS, new ParameterGroupConfig(null, 1, null, false));
  }

  /** The settings of a parameter. */
  public ParameterGroupConfig groupOf(String parameter) {
    return groups.entrySet().stream()
        .filter(group -> !group.getKey().equals(OTHERS))
        .filter(group -> parameter.matches(pattern(group.getKey())))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElseGet(this::others);
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
    groups.forEach(
        (name, group) -> {
          ScheduleConfig own = group.schedule();
          if (own != null && !group.frozen()) {
            scheduleMistakes("groups." + name + ".schedule", own, end, mistakes);
          }
        });
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
