package dev.palimpsest.checkpoints.published;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The ids that the tokenizer of a Hugging Face folder can produce: those of {@code tokenizer.json}
 * or else of {@code tokenizer.model}, plus those of {@code added_tokens.json} and {@code
 * tokenizer_config.json}. {@code <image>} does not count: it is replaced by the picture.
 */
final class TokenizerIds {
  private static final String IMAGE = "<image>";

  private int last = -1;
  private String lastToken = "";
  private int image = -1;

  private TokenizerIds() {}

  /**
   * Reads a folder's tokenizer.
   *
   * @return empty if it has no tokenizer
   * @throws CheckpointFormatException when one of the tokenizer's files is damaged or of another
   *     kind
   */
  static Optional<TokenizerIds> of(Path folder) {
    Path json = folder.resolve("tokenizer.json");
    Path model = folder.resolve("tokenizer.model");
    if (!Files.exists(json) && !Files.exists(model)) {
      return Optional.empty();
    }
    TokenizerIds ids = new TokenizerIds();
    ids.read(Files.exists(json) ? json : model, Files.exists(json) ? ids::json : ids::pieces);
    Path added = folder.resolve("added_tokens.json");
    if (Files.exists(added)) {
      ids.read(added, ids::added);
    }
    Path config = folder.resolve("tokenizer_config.json");
    if (Files.exists(config)) {
      ids.read(config, ids::config);
    }
    return Optional.of(ids);
  }

  /** The largest id in use; -1 if there is none. */
  int last() {
    return last;
  }

  String lastInWords() {
    return lastToken.isEmpty() ? String.valueOf(last) : "%d ('%s')".formatted(last, lastToken);
  }

  /** The id of {@code <image>}; -1 if there is none. */
  int image() {
    return image;
  }

  private interface Reader {
    void read(Path file) throws IOException;
  }

  private void read(Path file, Reader reader) {
    try {
      reader.read(file);
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          PlaceholderFile.reason(file).orElse("is not JSON: " + e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private void count(int id, String token) {
    if (token.equals(IMAGE)) {
      image = id;
    } else if (id > last) {
      last = id;
      lastToken = token;
    }
  }

  private void json(Path file) throws IOException {
    try (JsonParser parser = Json.PYTHON.createParser(file.toFile())) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new CheckpointFormatException(
            Kind.FOREIGN, file, PlaceholderFile.reason(file).orElse("is not a JSON object"));
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        JsonToken value = parser.nextToken();
        if (field.equals("added_tokens") && value == JsonToken.START_ARRAY) {
          for (JsonNode token : parser.<JsonNode>readValueAsTree()) {
            count(token.path("id").asInt(-1), token.path("content").asText());
          }
        } else if (field.equals("model") && value == JsonToken.START_OBJECT) {
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String inner = parser.currentName();
            if (parser.nextToken() == JsonToken.START_OBJECT && inner.equals("vocab")) {
              while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String token = parser.currentName();
                count(parser.nextIntValue(-1), token);
              }
            } else {
              parser.skipChildren();
            }
          }
        } else {
          parser.skipChildren();
        }
      }
    }
  }

  private void added(Path file) throws IOException {
    JsonNode tokens = Json.PYTHON.readTree(file.toFile());
    tokens.properties().forEach(e -> count(e.getValue().asInt(-1), e.getKey()));
  }

  private void config(Path file) throws IOException {
    JsonNode tokens = Json.PYTHON.readTree(file.toFile()).path("added_tokens_decoder");
    tokens
        .properties()
        .forEach(
            e -> {
              if (e.getKey().matches("[0-9]{1,9}")) {
                count(Integer.parseInt(e.getKey()), e.getValue().path("content").asText());
              }
            });
  }

  /** Pieces of a SentencePiece model: field 1 of the outermost protobuf message, repeated. */
  private void pieces(Path file) throws IOException {
    ByteBuffer message = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int pieces = 0;
    try {
      while (message.hasRemaining()) {
        long tag = varint(message);
        if ((tag & 7) != 2 || tag >>> 3 == 0) {
          throw new IllegalArgumentException("wire type " + (tag & 7));
        }
        long length = varint(message);
        if (length < 0 || length > message.remaining()) {
          throw new BufferUnderflowException();
        }
        message.position(message.position() + (int) length);
        pieces += tag >>> 3 == 1 ? 1 : 0;
      }
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          file,
          PlaceholderFile.reason(file).orElse("is not a complete SentencePiece model"),
          e);
    }
    count(pieces - 1, "");
  }

  private static long varint(ByteBuffer message) {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte b = message.get();
      value |= (b & 0x7fL) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number of more than 64 bits");
  }
}
