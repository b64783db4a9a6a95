package dev.palimpsest.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** SHA-256 of files, in hexadecimal. */
public final class ContentHash {
  /** Files in a folder that say where a model comes from, not what it is. */
  private static final Set<String> ABOUT = Set.of("lineage.json", "README.md");

  private ContentHash() {}

  /**
   * Hash of a file's bytes, or of a folder's relative names and bytes in name order. Links are
   * followed. In a folder, hidden files and an export's lineage and model card do not count: they
   * say where it came from, not what it is.
   */
  public static String of(Path path) {
    MessageDigest digest = sha256();
    try {
      if (Files.isDirectory(path)) {
        try (Stream<Path> walk = Files.walk(path, FileVisitOption.FOLLOW_LINKS)) {
          List<Path> files =
              walk.filter(Files::isRegularFile)
                  .filter(file -> counts(path.relativize(file)))
                  .sorted()
                  .toList();
          for (Path file : files) {
            digest.update(path.relativize(file).toString().getBytes(StandardCharsets.UTF_8));
            add(digest, file);
          }
        }
      } else {
        add(digest, path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path, e);
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException("cannot read " + path, e.getCause());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Hash of a text in UTF-8. */
  public static String of(String text) {
    return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static boolean counts(Path inFolder) {
    for (Path name : inFolder) {
      if (name.toString().startsWith(".")) {
        return false;
      }
    }
    return !ABOUT.contains(inFolder.toString());
  }

  private static void add(MessageDigest digest, Path file) throws IOException {
    byte[] buffer = new byte[1 << 20];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
  }

  /** A new digest. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
