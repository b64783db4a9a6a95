package dev.palimpsest.cli.pages;

import dev.palimpsest.cli.terminal.UserMistake;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;

/** Short names for folders, as many of their last words as tell them apart. */
public final class Labels {
  private Labels() {}

  /**
   * One for each folder, in their order; usable as file names.
   *
   * @throws UserMistake when a folder is given twice
   */
  public static List<String> of(List<Path> folders) {
    List<Path> whole = folders.stream().map(f -> f.toAbsolutePath().normalize()).toList();
    int longest = whole.stream().mapToInt(Path::getNameCount).max().orElse(0);
    for (int words = 1; words <= longest; words++) {
      int last = words;
      List<String> labels = whole.stream().map(path -> label(path, last)).toList();
      if (new HashSet<>(labels).size() == labels.size()) {
        return labels;
      }
    }
    Path twice =
        IntStream.range(0, whole.size())
            .filter(i -> whole.indexOf(whole.get(i)) < i)
            .mapToObj(folders::get)
            .findFirst()
            .orElseThrow();
    throw new UserMistake(twice + " is given twice");
  }

  private static String label(Path path, int words) {
    int count = path.getNameCount();
    return path.subpath(Math.max(0, count - words), count).toString().replaceAll("[/\\\\]", "-");
  }
}
