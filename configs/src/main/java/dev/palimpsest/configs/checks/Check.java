package dev.palimpsest.configs.checks;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects the mistakes of one record, so that its compact constructor reports all of them at once.
 */
public final class Check {
  /** Far more than is ever seen, and sums of several are whole numbers still. */
  public static final long MOST_EXAMPLES = 1_000_000_000_000_000L;

  /** Far more than the context of any Gemma, 8192 tokens. */
  public static final int MOST_TOKENS = 32_768;

  /** Over four times the side of PaliGemma's largest pictures. */
  public static final int MOST_PIXELS = 4_096;

  public static final int MOST_BATCH = 1 << 20;

  private final List<Problem> problems = new ArrayList<>();

  public Check that(boolean holds, String field, String message, Object... args) {
    if (!holds) {
      problems.add(new Problem(field, String.format(java.util.Locale.ROOT, message, args)));
    }
    return this;
  }

  /**
   * Whole numbers from one to another, both included.
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

  /** The same for numbers with a fraction; what is not a number is out of every range. */
  public Check range(String field, double value, double low, double high) {
    return that(
        value >= low && value <= high,
        field,
        "must be from %s to %s, got %s",
        Numbers.write(low),
        Numbers.write(high),
        Numbers.write(value));
  }

  /** A share of a whole: above 0, and 1 at most. */
  public Check share(String field, double value) {
    return that(
        value > 0 && value <= 1,
        field,
        "must be above 0 and at most 1, got %s",
        Numbers.write(value));
  }

  /** 0 for none, or a number of a range. */
  public Check noneOr(String field, double value, double low, double high) {
    return that(
        value == 0 || (value >= low && value <= high),
        field,
        "must be 0 (none) or from %s to %s, got %s",
        Numbers.write(low),
        Numbers.write(high),
        Numbers.write(value));
  }

  /** A number of examples that a position or cadence is given in. */
  public Check examples(String field, long value) {
    return range(field, value, 0, MOST_EXAMPLES, "examples");
  }

  /** Half-open: low inclusive, high exclusive. */
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
