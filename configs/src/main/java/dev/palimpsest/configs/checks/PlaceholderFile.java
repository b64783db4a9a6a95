package dev.palimpsest.configs.checks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Recognises what is often found in place of a file's content: a Git LFS pointer, a server's error
 * page, or nothing. Readers of every format ask this class once a file turns out to be unreadable,
 * so that the message says what to do instead of where the parser stopped.
 */
public final class PlaceholderFile {
  private static final int LOOKED_AT = 512;

  private static final Pattern POINTER =
      Pattern.compile(
          "version https://(?:git-lfs[.]github[.]com|hawser[.]github[.]com)/spec/v1\\R[\\s\\S]*?"
              + "size ([0-9]{1,18})\\s*.*",
          Pattern.DOTALL);

  private PlaceholderFile() {}

  /**
   * Why a file is only a placeholder, as the end of a sentence that begins with the file's name;
   * empty when it looks like real content.
   */
  public static Optional<String> reason(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return reason(in.readNBytes(LOOKED_AT));
    } catch (IOException e) {
      return Optional.empty(); // the reader has hit the same error and reports it
    }
  }

  /** The same for content in memory; its first 512 bytes suffice. */
  public static Optional<String> reason(byte[] content) {
    if (content.length == 0) {
      return Optional.of("is empty; fetch it again");
    }
    Optional<String> substitute = substitute(content);
    if (substitute.isPresent()) {
      return substitute;
    }
    for (byte b : content) {
      if (b != 0) {
        return Optional.empty();
      }
    }
    return Optional.of("consists of zeros, as after an interrupted download; fetch it again");
  }

  /**
   * What is found in place of a file, for formats in which an empty file or zeros are valid
   * content.
   */
  public static Optional<String> substitute(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return substitute(in.readNBytes(LOOKED_AT));
    } catch (IOException e) {
      return Optional.empty(); // the reader has hit the same error and reports it
    }
  }

  private static Optional<String> substitute(byte[] content) {
    String start =
        new String(content, 0, Math.min(content.length, LOOKED_AT), StandardCharsets.ISO_8859_1);
    Matcher pointer = POINTER.matcher(start);
    if (pointer.matches()) {
      return Optional.of(
          "is a Git LFS pointer: the file itself, of %s bytes, was not fetched; run 'git lfs pull'"
                  .formatted(pointer.group(1))
              + " in its repository");
    }
    String visible =
        start.replaceFirst("^(?:\u00ef\u00bb\u00bf)?\\s*+", "").toLowerCase(Locale.ROOT);
    if (visible.startsWith("<!doctype html")
        || visible.startsWith("<html")
        || visible.startsWith("<head")) {
      return Optional.of("is an HTML page, such as a server's error message; fetch the file again");
    }
    if (visible.startsWith("<?xml") && visible.contains("<error>")) {
      return Optional.of("is a server's error message; fetch the file again");
    }
    return Optional.empty();
  }
}
