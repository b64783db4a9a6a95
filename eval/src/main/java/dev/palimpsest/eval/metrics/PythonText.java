package dev.palimpsest.eval.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Python 3's string methods where Java's differ. The published evaluators are Python programs, so
 * what counts as white space, as a digit, and as a number for {@code float()} is part of the
 * metric.
 */
public final class PythonText {
  /** string.punctuation. */
  private static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

  private static final Pattern FLOAT =
      Pattern.compile(
          "([+-]?)(?:(inf(?:inity)?)|(nan)|"
              + "((?:D(?:\\.(?:D)?)?|\\.D)(?:e[+-]?D)?))"
                  // Possessive, because a backtracking group recurses for every repetition.
                  .replace("D", "\\d++(?:_\\d++)*+"),
          Pattern.CASE_INSENSITIVE);

  private PythonText() {}

  /** {@code str.lower()}. */
  public static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  /** {@code str.isspace()} of one code point. U+200B is not space; U+001C to U+001F are. */
  static boolean isSpace(int codePoint) {
    return switch (codePoint) {
      case ' ',
          '\t',
          '\n',
          0x0b,
          '\f',
          '\r',
          0x85,
          0xa0,
          0x1680,
          0x2028,
          0x2029,
          0x202f,
          0x205f,
          0x3000 ->
          true;
      default ->
          (codePoint >= 0x1c && codePoint <= 0x1f) || (codePoint >= 0x2000 && codePoint <= 0x200a);
    };
  }

  /** {@code str.strip()}. */
  public static String strip(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  /** {@code str.split()}. */
  public static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    int start = -1;
    for (int i = 0; i <= text.length(); i++) {
      boolean space = i == text.length() || isSpace(text.charAt(i));
      if (space && start >= 0) {
        words.add(text.substring(start, i));
        start = -1;
      } else if (!space && start < 0) {
        start = i;
      }
    }
    return words;
  }

  /** {@code len(str)}: code points. */
  public static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Without the 32 ASCII punctuation marks; white space stays. */
  public static String withoutPunctuation(String text) {
    StringBuilder kept = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      if (PUNCTUATION.indexOf(text.charAt(i)) < 0) {
        kept.append(text.charAt(i));
      }
    }
    return kept.toString();
  }

  /**
   * {@code float(str)}: surrounding white space, signs, single underscores between digits, any
   * Unicode decimal digits, inf and nan in any case; not {@code 1d}, {@code 0x10}, {@code 1,000}.
   */
  public static OptionalDouble toFloat(String text) {
    StringBuilder ascii = new StringBuilder();
    strip(text)
        .codePoints()
        .map(c -> Character.isDigit(c) ? '0' + Character.digit(c, 10) : c)
        .forEach(ascii::appendCodePoint);
    Matcher matcher = FLOAT.matcher(ascii);
    if (!matcher.matches()) {
      return OptionalDouble.empty();
    }
    double size;
    if (matcher.group(2) != null) {
      size = Double.POSITIVE_INFINITY;
    } else if (matcher.group(3) != null) {
      size = Double.NaN;
    } else {
      size = Double.parseDouble(matcher.group(4).replace("_", ""));
    }
    return OptionalDouble.of("-".equals(matcher.group(1)) ? -size : size);
  }
}
