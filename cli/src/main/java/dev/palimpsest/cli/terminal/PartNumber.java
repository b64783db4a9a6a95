package dev.palimpsest.cli.terminal;

import dev.palimpsest.mixtures.duplicates.Part;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code --part I/N}: one of several parts of a command's work, each for a process of its own. */
public final class PartNumber {
  private static final Pattern PART = Pattern.compile("(\\d{1,6})/(\\d{1,6})");

  private PartNumber() {}

  /**
   * Reads the option's value.
   *
   * @throws UserMistake when it names no part
   */
  public static Part parse(String text) {
    Matcher m = PART.matcher(text);
    if (!m.matches()) {
      throw new UserMistake("--part must be I/N, such as 0/8, got '%s'".formatted(text));
    }
    try {
      return new Part(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)));
    } catch (IllegalArgumentException e) {
      throw new UserMistake("--" + e.getMessage());
    }
  }
}
