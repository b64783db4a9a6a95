package dev.palimpsest.configs.checks;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Names in a recipe that become names of files and folders. */
public final class FileNames {
  /** What a run folder holds beside the folders of its stages. */
  private static final Set<String> OF_RUN_FOLDER =
      Set.of(
          "recipe.yaml",
          "plan.txt",
          "environment.json",
          "data",
          "dedup.json",
          "duplicates.tsv",
          "report.md",
          "run.lock");

  /** With what is put around a name, the most that file systems take is 255. */
  private static final int MOST_BYTES = 150;

  /** Names met so far, by what file systems that disregard case make of them. */
  private final TreeMap<String, String> met = new TreeMap<>();

  /** What is wrong with a name by itself. */
  public static Optional<String> mistake(String name) {
    Optional<Integer> control = name.codePoints().boxed().filter(FileNames::isControl).findFirst();
    if (control.isPresent()) {
      return Optional.of(
          "is a name with the control character U+%04X in it".formatted(control.get()));
    }
    if (name.isBlank() || !name.equals(name.strip())) {
      return Optional.of("is a name that is blank or has blanks at an end");
    }
    if (name.contains("/") || name.contains("\\")) {
      return Optional.of("is a name with a slash in it, but names a file; take '-' or '.' for it");
    }
    if (name.startsWith(".")) {
      return Optional.of("is a name that begins with a dot, but names a file; leave the dot out");
    }
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    return bytes > MOST_BYTES
        ? Optional.of("is a name of %d bytes; a file's may have %d".formatted(bytes, MOST_BYTES))
        : Optional.empty();
  }

  /** Whether a stage's folder would stand where the run folder has something else. */
  public static boolean isOfRunFolder(String stage) {
    return OF_RUN_FOLDER.contains(stage.toLowerCase(Locale.ROOT));
  }

  /** Another name that differs from this one in upper and lower case alone, if one was met. */
  public Optional<String> meet(String name) {
    String before = met.putIfAbsent(name.toLowerCase(Locale.ROOT), name);
    return Optional.ofNullable(before).filter(other -> !other.equals(name));
  }

  /** Not seen, or changing how others are seen: controls, directions of writing, line ends. */
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
