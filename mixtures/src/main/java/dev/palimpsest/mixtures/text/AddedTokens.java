package dev.palimpsest.mixtures.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Tokens that a Hugging Face folder adds to its vocabulary in separate files: {@code
 * added_tokens.json} (text to id) and {@code added_tokens_decoder} in {@code tokenizer_config.json}
 * (id to token).
 */
final class AddedTokens {
  /** Hugging Face's processor inserts this in place of a picture; in a prompt it is text. */
  static final String IMAGE = "<image>";

  /** The most ids without a token between a vocabulary and its added tokens. */
  private static final int MAX_HOLES = 1024;

  private AddedTokens() {}

  /** Added tokens by id; empty if the folder has none. */
  static SortedMap<Integer, JsonNode> of(Path folder) throws IOException {
    TreeMap<Integer, JsonNode> tokens = new TreeMap<>();
    Path config = folder.resolve("tokenizer_config.json");
    if (Files.exists(config)) {
      Json.PYTHON
          .readTree(config.toFile())
          .path("added_tokens_decoder")
          .properties()
          .forEach(
              e -> {
                if (e.getKey().matches("[0-9]{1,9}")) {
                  tokens.put(Integer.valueOf(e.getKey()), e.getValue());
                }
              });
    }
    Path added = folder.resolve("added_tokens.json");
    if (Files.exists(added)) {
      Json.PYTHON
          .readTree(added.toFile())
          .properties()
          .forEach(
              e ->
                  tokens.putIfAbsent(
                      e.getValue().asInt(-1),
                      Json.PYTHON.createObjectNode().put("content", e.getKey())));
    }
    return tokens;
  }

  /** Refuses tokens that would not be matched literally. */
  static void checkOptions(int id, JsonNode token) {
    for (String option : List.of("single_word", "lstrip", "rstrip")) {
      if (token.path(option).asBoolean()) {
        throw new IllegalArgumentException(
            "added token %d, '%s', has %s, which is not supported; Gemma's have none"
                .formatted(id, token.path("content").asText(), option));
      }
    }
  }

  /** A SentencePiece vocabulary with the tokens that it lacks; added ones are matched literally. */
  static BpeTokenizer addTo(List<Piece> vocabulary, SortedMap<Integer, JsonNode> tokens) {
    List<Piece> pieces = new ArrayList<>(vocabulary);
    Set<Integer> literal = new HashSet<>();
    tokens.forEach(
        (id, token) -> {
          String text = token.path("content").asText();
          boolean image = text.equals(IMAGE);
          boolean last = id.equals(tokens.lastKey());
          if (id >= pieces.size() && !(image && last)) {
            checkOptions(id, token);
            Piece.Type type = image ? Piece.Type.CONTROL : Piece.Type.USER_DEFINED;
            put(pieces, id, new Piece(text, 0, type));
            literal.add(id);
          }
        });
    return new BpeTokenizer(pieces, null, literal::contains);
  }

  /** Places a piece at its id, after unused pieces for ids that are skipped. */
  static void put(List<Piece> pieces, int id, Piece piece) {
    if (id - pieces.size() > MAX_HOLES) {
      throw new IllegalArgumentException(
          "id %d has no piece, yet '%s' has id %d".formatted(pieces.size(), piece.text(), id));
    }
    while (pieces.size() < id) {
      pieces.add(new Piece("", 0, Piece.Type.UNUSED));
    }
    pieces.add(piece);
  }
}
