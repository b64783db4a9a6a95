package dev.palimpsest.mixtures.formats;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Text files as people and programs write them: UTF-8, with or without a byte order mark, which is
 * not part of the text. Other encodings, compressed files and anything that is not a regular file
 * are refused, naming what they are.
 */
public final class TextFile {
  private TextFile() {}

  /**
   * Opens a file behind its byte order mark.
   *
   * @throws MalformedFileException when it is not such a file; the message names it
   */
  public static InputStream open(Path file) throws IOException {
    FileHead.requireFile(file);
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      in.mark(FileHead.LENGTH);
      byte[] head = in.readNBytes(FileHead.LENGTH);
      in.reset();
      FileHead.refuseWrapped(file, head);
      in.skipNBytes(FileHead.markLength(file, head));
      return in;
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /**
   * Where the text of an open file begins.
   *
   * @throws MalformedFileException as {@link #open} does
   */
  public static int start(FileBytes file) throws IOException {
    byte[] head = FileHead.of(file);
    FileHead.refuseWrapped(file.path(), head);
    return FileHead.markLength(file.path(), head);
  }

  /**
   * The text of a whole file.
   *
   * @throws MalformedFileException as {@link #open} does, and when it is not UTF-8
   */
  public static String read(Path file) throws IOException {
    try (InputStream in = open(file)) {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(in.readAllBytes()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new MalformedFileException(file + " is not UTF-8", e);
    }
  }

  /** The lines of a file, without line breaks. */
  public static List<String> lines(Path file) throws IOException {
    return read(file).lines().toList();
  }
}
