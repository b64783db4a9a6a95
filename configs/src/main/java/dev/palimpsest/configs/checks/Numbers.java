package dev.palimpsest.configs.checks;

import java.math.BigDecimal;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Numbers as recipes write them: decimal, with underscores between digits and with an exponent
 * where that is easier to read ({@code 1_000_000_000}, {@code 1e9}, {@code 2e-5}). YAML's octal
 * ({@code 0123}), hexadecimal, base 60 ({@code 1:30}) and infinite forms are mistakes.
 */
public final class Numbers {
  private static final String DIGITS = "[0-9](?:_?[0-9])*+";
  private static final Pattern DECIMAL =
      Pattern.compile("[-+]?(?:0|(?!0)" + DIGITS + ")(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?");

  private Numbers() {}

  /** The longest text of a number, because the recursion of the pattern grows with its length. */
  private static final int LONGEST = 400;

  public static boolean looksLikeOne(String text) {
    return text.length() <= LONGEST && DECIMAL.matcher(text).matches();
  }

  /** The value, or empty if it is not written like a number in a recipe. */
  public static Optional<BigDecimal> parse(String text) {
    return looksLikeOne(text)
        ? Optional.of(new BigDecimal(text.replace("_", "")))
        : Optional.empty();
  }

  /**
   * The same for whole numbers. {@code 32.0} is not one, but {@code 1.5e3} is: with an exponent,
   * the point is only notation.
   */
  public static Optional<BigDecimal> parseWhole(String text) {
    return parse(text)
        .filter(value -> value.stripTrailingZeros().scale() <= 0)
        .filter(value -> !text.contains(".") || text.contains("e") || text.contains("E"));
  }

  /**
   * The shortest text that is read back as the same number: {@code 1e-5}, {@code 0.9}, {@code
   * 10000}.
   */
  public static String write(double value) {
    if (value == Math.rint(value) && Math.abs(value) < 1e7) {
      return Long.toString((long) value);
    }
    return Double.toString(value).replace(".0E", "e").replace('E', 'e');
  }
}
