package dev.palimpsest.configs;

import org.jspecify.annotations.Nullable;

/**
 * Parameters that share a schedule. The first group whose pattern matches a parameter's full name
 * takes it; a parameter that no group takes is a mistake.
 *
 * @param pattern regular expression over the full name: {@code vision/.*}
 * @param learningRateMultiplier factor on the stage's learning rate
 * @param schedule the group's own schedule; the optimizer's when absent
 * @param frozen whether the group is left untouched: no gradient, no decay, not in the gradient
 *     norm
 */
public record ParameterGroupConfig(
    String pattern,
    @Default("1") double learningRateMultiplier,
    @Nullable ScheduleConfig schedule,
    @Default("false") boolean frozen) {
  /** Checks ranges and the pattern. */
  public ParameterGroupConfig {
    new Check()
        .range("learningRateMultiplier", learningRateMultiplier, 0, 1e6)
        .that(compiles(pattern), "pattern", "is not a regular expression: '%s'", pattern)
        .done();
  }

  private static boolean compiles(String pattern) {
    try {
      java.util.regex.Pattern.compile(pattern);
      return true;
    } catch (java.util.regex.PatternSyntaxException e) {
      return false;
    }
  }
}
