package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A Markdown file with a part that a command writes anew each time. The part stands between two
 * HTML comments, which readers do not see; everything outside it is left as it is.
 */
final class MarkedFile {
  static final String BEGIN =
      "<!-- bench all: what follows is written by './palimpsest bench all' -->";
  static final String END = "<!-- bench all: end -->";

  private final Path file;

  private MarkedFile(Path file) {
    this.file = file;
  }

  /**
   * A file that can be written: it does not exist yet, or has both comments.
   *
   * @throws UserMistake if it cannot
   */
  static MarkedFile of(Path file) {
    MarkedFile marked = new MarkedFile(file);
    Path folder = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file) || folder == null || !Files.isDirectory(folder)) {
      throw new UserMistake("--out must be a file in an existing folder, got " + file);
    }
    marked.with("");
    return marked;
  }

  /** Replaces the part. */
  void write(String part) {
    RunFolder.writeText(file, with(part));
  }

  private String with(String part) {
    String marked = BEGIN + "\n" + part + END;
    if (!Files.exists(file)) {
      return marked + "\n";
    }
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    if (begin < 0 || end < begin) {
      throw new UserMistake(
          "%s has no place for the table: it stands between the lines '%s' and '%s'"
              .formatted(file, BEGIN, END));
    }
    return text.substring(0, begin) + marked + text.substring(end + END.length());
  }
}
