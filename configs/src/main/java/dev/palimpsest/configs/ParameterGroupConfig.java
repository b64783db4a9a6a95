package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Problem;
import org.jspecify.annotations.Nullable;

/**
 * Parameters that share a schedule. A parameter belongs to the group whose pattern matches its full
 * name, and to the group {@code others} if none does; it is an error if two match.
 *
 * @param pattern regular expression for the full name, such as {@code vision/blocks/.*}. The groups
 *     {@code vision}, {@code connector} and {@code language} have these parts of the model if it is
 *     absent; {@code others} has none
 * @param learningRateMultiplier factor on the stage's learning rate
 * @param schedule the group's own schedule; absent: the optimizer's
 * @param frozen whether the group is not trained: it gets no gradient and no decay and does not
 *     count in the gradient norm
 */
public record ParameterGroupConfig(
    @Nullable String pattern,
    @Default("1") double learningRateMultiplier,
    @Nullable ScheduleConfig schedule,
    @Default("false") boolean frozen) {
  /** Checks ranges and the pattern. */
  public ParameterGroupConfig {
    new Check()
        .range("learningRateMultiplier", learningRateMultiplier, 0, 1e6)
        .that(
            pattern == null || compiles(pattern),
            "pattern",
            "is not a regular expression: '%s'",
            Problem.brief(String.valueOf(pattern)))
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
