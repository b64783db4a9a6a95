package dev.palimpsest.configs.checks;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Names in a recipe that become names of files and folders. */
public final class FileNames {
  /** What a run folder contains beside the folders of its stages. */
  private static final Set<String> OF_RUN_FOLDER =
      Set.of(
          "recipe.yaml",
          "plan.txt",
          "environment.json",
          "data",
          "dedup",
          "dedup.json",
          "duplicates.tsv",
          "end.json",
          "goodput.jsonl",
          "launch",
          "processes",
          "ranks",
          "report.html",
          "report.md",
          "run.lock",
          "run.log");

  /** The most bytes of a name; with what is added to it, the limit of file systems is 255. */
  private static final int MOST_BYTES = 150;

  /** Names so far, by their form on file systems that ignore case. */
  private final TreeMap<String, String> met = new TreeMap<>();

  /** What is wrong with a name by itself. */
  public static Optional<String> mistake(String name) {
    Optional<Integer> control = name.codePoints().boxed().filter(FileNames::isControl).findFirst();
    if (control.isPresent()) {
      return Optional.of("is a name with the control character U+%04X".formatted(control.get()));
    }
    if (name.isBlank() || !name.equals(name.strip())) {
      return Optional.of("is a name that is blank or begins or ends with a space");
    }
    if (name.contains("/") || name.contains("\\")) {
      return Optional.of(
          "is a name with a slash, but is used as a file name; use '-' or '.' instead");
    }
    if (name.startsWith(".")) {
      return Optional.of(
          "is a name that begins with a dot, but is used as a file name; leave out the dot");
    }
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    return bytes > MOST_BYTES
        ? Optional.of(
            "is a name of %d bytes; a file name may have at most %d".formatted(bytes, MOST_BYTES))
        : Optional.empty();
  }

  /** Whether a stage's folder would have the name of something else in the run folder. */
  public static boolean isOfRunFolder(String stage) {
    return OF_RUN_FOLDER.contains(stage.toLowerCase(Locale.ROOT));
  }

  /** Another name that only differs from this one in upper and lower case, if there was one. */
  public Optional<String> meet(String name) {
    String before = met.putIfAbsent(name.toLowerCase(Locale.ROOT), name);
    return Optional.ofNullable(before).filter(other -> !other.equals(name));
  }

  /**
   * Characters that are invisible or change how others are displayed: control characters, marks of
   * direction, line breaks.
   */
  static boolean isControl(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          true;
      default -> false;
    };
  }
}
