package dev.palimpsest.configs.checks;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects the mistakes of one record, so that its compact constructor reports all of them at once.
 */
public final class Check {
  /** Far more examples than are ever used, while sums of several are still exact. */
  public static final long MOST_EXAMPLES = 1_000_000_000_000_000L;

  /** Far more than Gemma's context of 8192 tokens. */
  public static final int MOST_TOKENS = 32_768;

  /** More than four times the side of PaliGemma's largest pictures. */
  public static final int MOST_PIXELS = 4_096;

  public static final int MOST_BATCH = 1 << 20;

  private final List<Problem> problems = new ArrayList<>();

  public Check that(boolean holds, String field, String message, Object... args) {
    if (!holds) {
      problems.add(new Problem(field, String.format(java.util.Locale.ROOT, message, args)));
    }
    return this;
  }

  /** Checks that a path is not an address of an object store. */
  public Check local(String field, String path) {
    LocalPaths.mistake(path).ifPresent(mistake -> problems.add(new Problem(field, mistake)));
    return this;
  }

  /**
   * Checks a whole number between two limits, both included.
   *
   * @param unit in the plural; empty for a plain number
   */
  public Check range(String field, long value, long low, long high, String unit) {
    return that(
        value >= low && value <= high,
        field,
        "must be from %d to %d%s, got %d",
        low,
        high,
        unit.isEmpty() ? "" : " " + unit,
        value);
  }

  /** The same for floating-point numbers; NaN is out of every range. */
  public Check range(String field, double value, double low, double high) {
    return that(
        value >= low && value <= high,
        field,
        "must be from %s to %s, got %s",
        Numbers.write(low),
        Numbers.write(high),
        Numbers.write(value));
  }

  /** Checks a fraction: above 0 and at most 1. */
  public Check share(String field, double value) {
    return that(
        value > 0 && value <= 1,
        field,
        "must be above 0 and at most 1, got %s",
        Numbers.write(value));
  }

  /** Checks a number that is 0 for none, or in a range. */
  public Check noneOr(String field, double value, double low, double high) {
    return that(
        value == 0 || (value >= low && value <= high),
        field,
        "must be 0 (none) or from %s to %s, got %s",
        Numbers.write(low),
        Numbers.write(high),
        Numbers.write(value));
  }

  /** Checks a number of examples for a position or a cadence. */
  public Check examples(String field, long value) {
    return range(field, value, 0, MOST_EXAMPLES, "examples");
  }

  /** Checks a half-open range: low inclusive, high exclusive. */
  public Check within(String field, double value, double low, double high) {
    return that(
        value >= low && value < high,
        field,
        "must be at least %s and below %s, got %s",
        Numbers.write(low),
        Numbers.write(high),
        Numbers.write(value));
  }

  public void done() {
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }
}
