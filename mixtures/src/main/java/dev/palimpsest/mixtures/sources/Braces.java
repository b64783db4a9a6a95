package dev.palimpsest.mixtures.sources;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Expands braces in paths as bash does and as WebDataset's users name shards: {@code
 * train-{000000..000009}.tar}, {@code {0..100..10}}, {@code {a,b}}, several and nested ones. The
 * numbers of a range are padded to its longer end if one end begins with a zero. Anything that is
 * neither a list nor a range is left unchanged.
 */
final class Braces {
  /** The most paths that one pattern may expand to. */
  static final int MOST = 1_000_000;

  private static final Pattern NUMBERS =
      Pattern.compile("(-?\\d{1,18})\\.\\.(-?\\d{1,18})(?:\\.\\.(-?\\d{1,18}))?");
  private static final Pattern LETTERS =
      Pattern.compile("([A-Za-z])\\.\\.([A-Za-z])(?:\\.\\.(-?\\d{1,18}))?");
  private static final Pattern ZEROS = Pattern.compile("-?0\\d+");

  private Braces() {}

  /**
   * Expands a pattern, in bash's order.
   *
   * @throws IllegalArgumentException when that is more than {@value #MOST} paths
   */
  static List<String> expanded(String pattern) {
    for (int open = pattern.indexOf('{'); open >= 0; open = pattern.indexOf('{', open + 1)) {
      List<Integer> commas = new ArrayList<>();
      int close = close(pattern, open, commas);
      if (close < 0) {
        break;
      }
      List<String> members =
          commas.isEmpty()
              ? range(pattern.substring(open + 1, close))
              : list(pattern, open, close, commas);
      if (!members.isEmpty()) {
        String start = pattern.substring(0, open);
        List<String> ends = expanded(pattern.substring(close + 1));
        if ((long) members.size() * ends.size() > MOST) {
          throw tooMany();
        }
        List<String> all = new ArrayList<>();
        for (String member : members) {
          for (String end : ends) {
            all.add(start + member + end);
          }
        }
        return all;
      }
    }
    return List.of(pattern);
  }

  private static IllegalArgumentException tooMany() {
    return new IllegalArgumentException("its braces expand to more than %d paths".formatted(MOST));
  }

  /** Where the brace that begins at a position ends, and its own commas; -1 if it does not end. */
  private static int close(String pattern, int open, List<Integer> commas) {
    int depth = 0;
    for (int i = open; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return i;
      } else if (c == ',' && depth == 1) {
        commas.add(i);
      }
    }
    return -1;
  }

  private static List<String> list(String pattern, int open, int close, List<Integer> commas) {
    List<String> members = new ArrayList<>();
    int from = open + 1;
    commas.add(close);
    for (int comma : commas) {
      members.addAll(expanded(pattern.substring(from, comma)));
      from = comma + 1;
    }
    return members;
  }

  /** The members of a range; empty if it is not a range. */
  private static List<String> range(String text) {
    Matcher numbers = NUMBERS.matcher(text);
    if (numbers.matches()) {
      boolean padded =
          ZEROS.matcher(numbers.group(1)).matches() || ZEROS.matcher(numbers.group(2)).matches();
      int width = padded ? Math.max(numbers.group(1).length(), numbers.group(2).length()) : 1;
      String format = "%0" + width + "d";
      return steps(
          Long.parseLong(numbers.group(1)),
          Long.parseLong(numbers.group(2)),
          numbers.group(3),
          value -> String.format(Locale.ROOT, format, value));
    }
    Matcher letters = LETTERS.matcher(text);
    return letters.matches()
        ? steps(
            letters.group(1).charAt(0),
            letters.group(2).charAt(0),
            letters.group(3),
            value -> String.valueOf((char) value))
        : List.of();
  }

  private static List<String> steps(
      long from, long to, @Nullable String by, LongFunction<String> name) {
    long step = Math.max(1, by == null ? 1 : Math.abs(Long.parseLong(by)));
    long count = Math.abs(to - from) / step + 1;
    if (count > MOST) {
      throw tooMany();
    }
    List<String> members = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      members.add(name.apply(from <= to ? from + i * step : from - i * step));
    }
    return members;
  }
}
