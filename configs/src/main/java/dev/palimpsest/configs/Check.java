package dev.palimpsest.configs;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects the mistakes of one record, so that its compact constructor reports all of them at once.
 */
final class Check {
  private final List<Problem> problems = new ArrayList<>();

  Check that(boolean holds, String field, String message, Object... args) {
    if (!holds) {
      problems.add(new Problem(field, String.format(java.util.Locale.ROOT, message, args)));
    }
    return this;
  }

  Check positive(String field, double value) {
    return that(value > 0, field, "must be greater than 0, got %s", plain(value));
  }

  Check notNegative(String field, double value) {
    return that(value >= 0, field, "must be 0 or more, got %s", plain(value));
  }

  Check positive(String field, long value) {
    return positive(field, (double) value);
  }

  Check notNegative(String field, long value) {
    return notNegative(field, (double) value);
  }

  /** Half-open: low inclusive, high exclusive. */
  Check within(String field, double value, double low, double high) {
    return that(
        value >= low && value < high,
        field,
        "must be at least %s and below %s, got %s",
        plain(low),
        plain(high),
        plain(value));
  }

  void done() {
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
