package dev.palimpsest.mixtures.tasks;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The words with which a prompt names its task and language (PaliGemma paper, section 3.2.5):
 * {@code caption en}, {@code ocr}, {@code answer en}, {@code question de}, {@code detect}, {@code
 * segment}, and {@code caption} before location tokens or alone.
 */
public final class TaskPrefix {
  private static final Pattern WORDS =
      Pattern.compile(
          "(?:(?:caption|answer|question) [a-z]{2,3}(?:-[A-Za-z]{2,8})?(?: +|$)|(?:ocr|detect|segment)(?: +|$)|caption(?: (?=<loc)|$))");

  private TaskPrefix() {}

  /**
   * The same example without them; what remains of {@code answer en Is it red?} is its question.
   */
  public static Example removed(Example example) {
    return new Example(
        example.id(),
        example.images(),
        removed(example.prefix()),
        example.suffix(),
        example.references(),
        example.steps());
  }

  static String removed(String prompt) {
    Matcher words = WORDS.matcher(prompt);
    return words.lookingAt() ? prompt.substring(words.end()) : prompt;
  }
}
