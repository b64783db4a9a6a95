package dev.palimpsest.mixtures.formats;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Recognises by its first bytes that a file is of another kind than the one expected. */
final class FileHead {
  /** The number of bytes that suffice. */
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

  /**
   * Byte order marks of encodings that are not read; the little-endian one of UTF-32 begins like
   * that of UTF-16.
   */
  private static final List<Signature> OTHER_TEXT =
      List.of(
          Signature.of("UTF-32", "fffe0000"),
          Signature.of("UTF-32", "0000feff"),
          Signature.of("UTF-16", "fffe"),
          Signature.of("UTF-16", "feff"));

  private static final byte[] MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  private FileHead() {}

  /**
   * Refuses what exists and is not a regular file: opening a pipe would wait for its writer
   * forever, and a device has no end.
   */
  static void requireFile(Path path) {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new MalformedFileException(
          path
              + (Files.isDirectory(path)
                  ? " is a folder; expected a file"
                  : " is a pipe or a device; expected a regular file"));
    }
  }

  /**
   * Refuses compressed files and Git LFS pointers, naming what they are.
   *
   * @param head the file's first {@link #LENGTH} bytes, or all if it has fewer
   */
  static void refuseWrapped(Path path, byte[] head) {
    for (Signature signature : COMPRESSED) {
      if (startsWith(head, signature.bytes)) {
        throw new MalformedFileException(
            "%s is compressed (%s), so that parts of it cannot be read in place; unpack it"
                .formatted(path, signature.name));
      }
    }
    if (startsWith(head, LFS_POINTER)) {
      throw new MalformedFileException(
          path + " is a Git LFS pointer, not the file itself; fetch that with 'git lfs pull'");
    }
  }

  /** Length of the byte order mark at the beginning of a UTF-8 text; refuses other encodings. */
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
