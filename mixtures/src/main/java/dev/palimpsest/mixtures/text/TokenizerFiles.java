package dev.palimpsest.mixtures.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.files.Durable;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Tokenizer files in both published formats. */
public final class TokenizerFiles {
  /** SentencePiece's format. */
  public static final String SENTENCE_PIECE = "tokenizer.model";

  /** Hugging Face's format. */
  public static final String HUGGING_FACE = "tokenizer.json";

  private TokenizerFiles() {}

  /**
   * Writes a vocabulary as {@code tokenizer.model} and {@code tokenizer.json}; the same pieces give
   * the same bytes.
   *
   * @param folder created if absent
   * @param pieces in order of id; ids 0 to 3 are padding, end, beginning and unknown, and all 256
   *     byte pieces are present
   * @throws IllegalArgumentException when the pieces do not form a tokenizer
   * @throws UncheckedIOException when the files cannot be written
   */
  public static void write(Path folder, List<Piece> pieces) {
    byte[] model = SentencePieceFile.write(pieces);
    SentencePieceFile.read(model); // refuses files that could not be read back
    write(folder.resolve(SENTENCE_PIECE), model);
    byte[] json;
    try {
      json = HuggingFaceTokenizerFile.write(pieces);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // in memory
    }
    write(folder.resolve(HUGGING_FACE), json);
  }

  /**
   * Writes a vocabulary as one SentencePiece model, whole or not at all.
   *
   * @throws IllegalArgumentException when the pieces make no tokenizer
   * @throws UncheckedIOException when the file cannot be written
   */
  public static void writeSentencePiece(Path file, List<Piece> pieces) {
    byte[] model = SentencePieceFile.write(pieces);
    SentencePieceFile.read(model); // refuses what could not be read again
    Durable.file(file, model);
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.createDirectories(Objects.requireNonNull(file.getParent(), "a file in a folder"));
      Durable.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** The file with a folder's vocabulary, chosen as in transformers. */
  public static Path inFolder(Path folder) {
    Path json = folder.resolve(HUGGING_FACE);
    Path model = folder.resolve(SENTENCE_PIECE);
    return Files.exists(json) || !Files.exists(model) ? json : model;
  }

  static BpeTokenizer read(Path path) {
    boolean folder = Files.isDirectory(path);
    Path file = folder ? inFolder(path) : path;
    byte[] bytes;
    SortedMap<Integer, JsonNode> besides;
    try {
      bytes = Files.readAllBytes(file);
      besides = folder ? AddedTokens.of(path) : new TreeMap<>();
    } catch (JsonProcessingException e) {
      throw new MalformedFileException(
          "the tokenizer in %s cannot be used: a file beside %s is not JSON: %s"
              .formatted(path, file.getFileName(), e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the tokenizer file " + file, e);
    }
    Optional<String> unfetched = PlaceholderFile.reason(bytes);
    if (unfetched.isPresent()) {
      throw new MalformedFileException("tokenizer file %s %s".formatted(file, unfetched.get()));
    }
    try {
      return isJson(bytes)
          ? HuggingFaceTokenizerFile.read(bytes, besides)
          : AddedTokens.addTo(SentencePieceFile.pieces(bytes), besides);
    } catch (IllegalArgumentException e) {
      throw new MalformedFileException(
          "tokenizer file %s cannot be used: %s".formatted(file, e.getMessage()), e);
    }
  }

  static boolean isJson(byte[] bytes) {
    return firstVisible(bytes) == '{';
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
