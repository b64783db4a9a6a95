package dev.palimpsest.eval.metrics.boxes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Boxes in what a model wrote. */
public final class BoxText {
  private static final String PLAIN = "(-?[0-9]++(?:\\.[0-9]++)?+)";

  /** Never begins within a row of digits: that would be tried from each of them. */
  private static final String NUMBER = "((?:-|(?<!\\d))\\d++(?:\\.\\d++)?+(?:[eE][-+]?\\d++)?+)";

  private static final String SEPARATOR = "(?:\\s*+,\\s*+|\\s++)";

  /**
   * {@code [x1, y1, x2, y2]} as lmms-eval reads it (tasks/refcoco/utils_rec.py at 75571cf): white
   * space may stand inside the brackets and after a comma, not before one.
   */
  private static final Pattern BRACKETED =
      Pattern.compile(
          "\\[\\s*+" + String.join(",\\s*+", List.of(PLAIN, PLAIN, PLAIN, PLAIN)) + "\\s*+\\]",
          Pattern.UNICODE_CHARACTER_CLASS);

  /** Four numbers in a row, whatever is around them. */
  private static final Pattern FOUR =
      Pattern.compile(String.join(SEPARATOR, List.of(NUMBER, NUMBER, NUMBER, NUMBER)));

  private BoxText() {}

  /** The first box in square brackets; numbers without exponents. */
  public static Optional<Box> bracketed(String text) {
    Matcher matcher = BRACKETED.matcher(text);
    return matcher.find() ? Optional.of(box(matcher)) : Optional.empty();
  }

  /** Every run of four numbers. */
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
