package dev.palimpsest.mixtures.formats;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** What the first bytes of a file give away: that it is another kind of file than the one meant. */
final class FileHead {
  /** So many bytes tell. */
  static final int LENGTH = 64;

  private static final byte[] LFS_POINTER =
      "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);

  private record Signature(String name, byte[] bytes) {
    static Signature of(String name, String hex) {
      return new Signature(name, HexFormat.of().parseHex(hex));
    }
  }

  private static final List<Signature> COMPRESSED =
      List.of(
          Signature.of("gzip", "1f8b"),
          Signature.of("bzip2", "425a68"),
          Signature.of("xz", "fd377a585a00"),
          Signature.of("zstd", "28b52ffd"),
          Signature.of("lz4", "04224d18"),
          Signature.of("lzip", "4c5a4950"),
          Signature.of("compress", "1f9d"),
          Signature.of("zip", "504b0304"),
          Signature.of("7-Zip", "377abcaf271c"));

  /** Byte order marks of what is not read; UTF-32's little-endian one begins as UTF-16's does. */
  private static final List<Signature> OTHER_TEXT =
      List.of(
          Signature.of("UTF-32", "fffe0000"),
          Signature.of("UTF-32", "0000feff"),
          Signature.of("UTF-16", "fffe"),
          Signature.of("UTF-16", "feff"));

  private static final byte[] MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  private FileHead() {}

  /**
   * Refuses what is there and is not a regular file: opening a pipe waits for its writer for ever,
   * and a device has no end.
   */
  static void requireFile(Path path) {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new MalformedFileException(
          path
              + (Files.isDirectory(path)
                  ? " is a folder, where a file should be"
                  : " is a pipe or a device, where a plain file should be"));
    }
  }

  /**
   * Refuses compressed files and Git LFS pointers by their names.
   *
   * @param head the file's first {@link #LENGTH} bytes, or all where it has fewer
   */
  static void refuseWrapped(Path path, byte[] head) {
    for (Signature signature : COMPRESSED) {
      if (startsWith(head, signature.bytes)) {
        throw new MalformedFileException(
            "%s is compressed (%s), and nothing can be read at its place in such a file; unpack it"
                .formatted(path, signature.name));
      }
    }
    if (startsWith(head, LFS_POINTER)) {
      throw new MalformedFileException(
          path + " is a Git LFS pointer, not the file itself; fetch that with 'git lfs pull'");
    }
  }

  /** Bytes of the byte order mark that a UTF-8 text begins with; refuses other encodings. */
  static int markLength(Path path, byte[] head) {
    for (Signature signature : OTHER_TEXT) {
      if (startsWith(head, signature.bytes)) {
        throw new MalformedFileException(
            "%s is %s; save it as UTF-8".formatted(path, signature.name));
      }
    }
    return startsWith(head, MARK) ? MARK.length : 0;
  }

  private static boolean startsWith(byte[] head, byte[] start) {
    return head.length >= start.length && Arrays.equals(start, Arrays.copyOf(head, start.length));
  }

  /** The first bytes of an open file. */
  static byte[] of(FileBytes file) throws IOException {
    return file.bytes(0, (int) Math.min(LENGTH, file.size()));
  }
}
