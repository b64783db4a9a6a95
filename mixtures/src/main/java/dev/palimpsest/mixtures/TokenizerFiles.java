package dev.palimpsest.mixtures;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Tokenizer files on disk, in both published forms. */
public final class TokenizerFiles {
  /** SentencePiece's form. */
  public static final String SENTENCE_PIECE = "tokenizer.model";

  /** Hugging Face's form. */
  public static final String HUGGING_FACE = "tokenizer.json";

  private TokenizerFiles() {}

  /**
   * Writes one vocabulary as {@code tokenizer.model} and {@code tokenizer.json}; same pieces, same
   * bytes.
   *
   * @param folder made when absent
   * @param pieces in order of id; ids 0 to 3 are padding, end, beginning and unknown, all 256 byte
   *     pieces are there
   * @throws IllegalArgumentException when the pieces make no tokenizer
   * @throws UncheckedIOException when the files cannot be written
   */
  public static void write(Path folder, List<Piece> pieces) {
    byte[] model = SentencePieceFile.write(pieces);
    SentencePieceFile.read(model); // refuses what could not be read again
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve(SENTENCE_PIECE), model);
      Files.write(folder.resolve(HUGGING_FACE), HuggingFaceTokenizerFile.write(pieces));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the tokenizer files to " + folder, e);
    }
  }

  static Tokenizer read(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the tokenizer file " + file, e);
    }
    try {
      return firstVisible(bytes) == '{'
          ? HuggingFaceTokenizerFile.read(bytes)
          : SentencePieceFile.read(bytes);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "tokenizer file %s cannot be used: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** A JSON file begins with a brace, a SentencePiece model with byte 0x0A. */
  private static int firstVisible(byte[] bytes) {
    for (byte b : bytes) {
      if (!Character.isWhitespace(b)) {
        return b;
      }
    }
    return -1;
  }
}
