package dev.palimpsest.configs.checks;

import org.jspecify.annotations.Nullable;

/**
 * One mistake in a recipe.
 *
 * @param path where it is, as the reader would write it: {@code stages[1].optimizer.learningRate};
 *     empty for the whole recipe
 * @param message what was expected, what was found and what to do, in one sentence
 * @param place where it was written; absent for values made in code
 */
public record Problem(String path, String message, @Nullable Place place) {
  /** A mistake in a value made in code. */
  public Problem(String path, String message) {
    this(path, message, null);
  }

  /** The same mistake with the path of an enclosing level. */
  public Problem under(String parent) {
    if (parent.isEmpty()) {
      return this;
    }
    if (path.isEmpty()) {
      return new Problem(parent, message, place);
    }
    return new Problem(path.startsWith("[") ? parent + path : parent + "." + path, message, place);
  }

  /** The same mistake, found at a place. */
  Problem at(@Nullable Place found) {
    return new Problem(path, message, found);
  }

  /** The most characters of a message; longer ones quote something very long. */
  private static final int MOST_MESSAGE = 2000;

  private static final int MOST_PATH = 300;

  /**
   * {@code recipe.yaml:12:5: stages[1].batchSize: must be from 1 to 1048576 examples, got -8}. What
   * is quoted may be long and contain anything: it is truncated, and control characters are
   * escaped.
   */
  @Override
  public String toString() {
    String what = printable(message, MOST_MESSAGE);
    String text = path.isEmpty() ? what : printable(path, MOST_PATH) + ": " + what;
    return place == null ? text : place + ": " + text;
  }

  private static String printable(String text, int most) {
    String cut = text.length() <= most ? text : text.substring(0, most) + "...";
    StringBuilder printable = new StringBuilder();
    cut.codePoints()
        .forEach(
            c -> {
              if (c != '\n' && FileNames.isControl(c)) {
                printable.append("\\u%04X".formatted(c));
              } else {
                printable.appendCodePoint(c);
              }
            });
    return printable.toString();
  }

  /** A text of any length, for messages. */
  public static String brief(String text) {
    return text.length() <= 80
        ? text
        : "%s... (%d characters)".formatted(text.substring(0, 60), text.length());
  }
}
