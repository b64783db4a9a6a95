package dev.palimpsest.eval.metrics.boxes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds boxes in a model's text. */
public final class BoxText {
  private static final String PLAIN = "(-?[0-9]++(?:\\.[0-9]++)?+)";

  /**
   * A match never begins inside a sequence of digits, because it would be tried from each of them.
   */
  private static final String NUMBER = "((?:-|(?<!\\d))\\d++(?:\\.\\d++)?+(?:[eE][-+]?\\d++)?+)";

  private static final String SEPARATOR = "(?:\\s*+,\\s*+|\\s++)";

  /**
   * {@code [x1, y1, x2, y2]} as lmms-eval reads it (tasks/refcoco/utils_rec.py at 75571cf): white
   * space is allowed inside the brackets and after a comma, but not before one.
   */
  private static final Pattern BRACKETED =
      Pattern.compile(
          "\\[\\s*+" + String.join(",\\s*+", List.of(PLAIN, PLAIN, PLAIN, PLAIN)) + "\\s*+\\]",
          Pattern.UNICODE_CHARACTER_CLASS);

  /** Four consecutive numbers, whatever surrounds them. */
  private static final Pattern FOUR =
      Pattern.compile(String.join(SEPARATOR, List.of(NUMBER, NUMBER, NUMBER, NUMBER)));

  private BoxText() {}

  /** The first box in square brackets; numbers without exponents. */
  public static Optional<Box> bracketed(String text) {
    Matcher matcher = BRACKETED.matcher(text);
    return matcher.find() ? Optional.of(box(matcher)) : Optional.empty();
  }

  /** All sequences of four numbers. */
  public static List<Box> all(String text) {
    List<Box> boxes = new ArrayList<>();
    FOUR.matcher(text).results().forEach(match -> boxes.add(box(match)));
    return boxes;
  }

  /** Location bins as fractions of the image; big_vision divides by 1023 when it scores. */
  static Box ofLocations(int[] bins) {
    return new Box(bins[1] / 1023.0, bins[0] / 1023.0, bins[3] / 1023.0, bins[2] / 1023.0);
  }

  private static Box box(MatchResult match) {
    return new Box(
        Double.parseDouble(match.group(1)),
        Double.parseDouble(match.group(2)),
        Double.parseDouble(match.group(3)),
        Double.parseDouble(match.group(4)));
  }
}
