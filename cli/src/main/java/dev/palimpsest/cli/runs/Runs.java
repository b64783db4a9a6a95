package dev.palimpsest.cli.runs;

import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.terminal.UserMistake;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Finds run folders. */
public final class Runs {
  private static final int DEEPEST = 3;

  private Runs() {}

  /**
   * Runs in a folder: itself, or those below it, by name.
   *
   * @throws UserMistake when the folder does not exist
   */
  public static List<Path> in(Path folder) {
    Path root = folder.toAbsolutePath().normalize();
    if (!Files.isDirectory(root)) {
      throw new UserMistake(folder + ": no such folder; name one that holds run folders");
    }
    List<Path> runs = new ArrayList<>();
    find(root, 0, runs);
    return runs;
  }

  private static void find(Path folder, int depth, List<Path> runs) {
    if (RunData.isRun(folder)) {
      runs.add(folder);
    } else if (depth < DEEPEST) {
      try (Stream<Path> entries = Files.list(folder)) {
        entries
            .filter(Files::isDirectory)
            .filter(entry -> !String.valueOf(entry.getFileName()).startsWith("."))
            .sorted()
            .forEach(entry -> find(entry, depth + 1, runs));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot list " + folder, e);
      }
    }
  }

  /** {@code 1.2 GB}. */
  public static String size(long bytes) {
    double size = bytes;
    String[] units = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (size >= 999.5 && unit < units.length - 1) {
      size /= 1000;
      unit++;
    }
    return String.format(
        java.util.Locale.ROOT,
        unit == 0 || size >= 99.95 ? "%.0f %s" : "%.1f %s",
        size,
        units[unit]);
  }
}
