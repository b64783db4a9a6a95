package dev.palimpsest.checkpoints;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointFormatException.Kind;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The tokenizer files of an export: {@code tokenizer.model} and {@code tokenizer.json}, as far as
 * the run has them, the latter with {@code <image>} among its added tokens, and the two small files
 * that transformers reads beside them.
 */
final class ExportedTokenizer {
  private static final String IMAGE = "<image>";
  private static final String MODEL = "tokenizer.model";
  private static final String JSON_FILE = "tokenizer.json";

  /** Gemma's, by id. */
  private static final List<String> SPECIAL = List.of("<pad>", "<eos>", "<bos>", "<unk>");

  private final Path model;
  private final Path json;
  private final int imageToken;

  /** Tokens that are matched before any merging, by id: line breaks, {@code <loc0000>}, ... */
  private final Map<Integer, String> atoms = new TreeMap<>();

  /**
   * Reads the number of ids.
   *
   * @param file a file of either form; one of the other form, under its usual name in the same
   *     folder, is taken as well
   */
  ExportedTokenizer(Path file) {
    try {
      boolean isJson = isJson(file);
      model = isJson ? file.resolveSibling(MODEL) : file;
      json = isJson ? file : file.resolveSibling(JSON_FILE);
      imageToken = isJson ? imageTokenOfJson() : pieces();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the tokenizer " + file, e);
    }
  }

  /** The id of {@code <image>}: what it has already, or the first that is free. */
  int imageToken() {
    return imageToken;
  }

  private static boolean isJson(Path file) throws IOException {
    try (var stream = Files.newInputStream(file)) {
      int first = stream.read();
      while (Character.isWhitespace(first) && first != '\n') { // a model's first byte is 0x0a
        first = stream.read();
      }
      return first == '{';
    }
  }

  private int imageTokenOfJson() throws IOException {
    int next = 0;
    int image = -1;
    try (JsonParser parser = HuggingFaceConfig.JSON.createParser(json.toFile())) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        if (field.equals("added_tokens")) {
          for (JsonNode token : parser.<JsonNode>readValueAsTree()) {
            int id = token.path("id").asInt();
            next = Math.max(next, id + 1);
            String content = token.path("content").asText();
            image = content.equals(IMAGE) ? id : image;
            atoms.put(id, content);
          }
        } else if (field.equals("model")) {
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String inner = parser.currentName();
            JsonToken value = parser.nextToken();
            if (inner.equals("vocab") && value == JsonToken.START_OBJECT) {
              while (parser.nextToken() == JsonToken.FIELD_NAME) {
                next = Math.max(next, parser.nextIntValue(0) + 1);
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
    return image >= 0 ? image : next;
  }

  /**
   * Number of pieces of a SentencePiece model: field 1 of the outermost protobuf message, repeated;
   * each with its text (1), score (2) and type (3), of which 4 is "user defined".
   */
  private int pieces() throws IOException {
    ByteBuffer message = ByteBuffer.wrap(Files.readAllBytes(model)).order(ByteOrder.LITTLE_ENDIAN);
    int pieces = 0;
    try {
      while (message.hasRemaining()) {
        long tag = varint(message);
        ByteBuffer field = bytes(message, tag);
        if (tag >>> 3 == 1) {
          String text = "";
          long type = 1;
          while (field.hasRemaining()) {
            long inner = varint(field);
            if (inner >>> 3 == 1) {
              text = StandardCharsets.UTF_8.decode(bytes(field, inner)).toString();
            } else if ((inner & 7) == 5) {
              field.getInt();
            } else {
              type = varint(field);
            }
          }
          if (type == 4) {
            atoms.put(pieces, text);
          }
          pieces++;
        }
      }
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new CheckpointFormatException(
          Kind.FOREIGN, model, "is neither a SentencePiece model nor a tokenizer.json", e);
    }
    return pieces;
  }

  /** A field of the length-prefixed kind. */
  private static ByteBuffer bytes(ByteBuffer message, long tag) {
    if ((tag & 7) != 2) {
      throw new IllegalArgumentException("wire type " + (tag & 7));
    }
    int length = (int) varint(message);
    ByteBuffer field = message.slice().limit(length).order(ByteOrder.LITTLE_ENDIAN);
    message.position(message.position() + length);
    return field;
  }

  private static long varint(ByteBuffer message) {
    long value = 0;
    int shift = 0;
    byte b;
    do {
      b = message.get();
      value |= (b & 0x7fL) << shift;
      shift += 7;
    } while (b < 0 && shift < 63);
    return value;
  }

  /** Writes all files. */
  void writeTo(Path folder) throws IOException {
    if (Files.exists(model)) {
      Durable.write(folder.resolve(MODEL), Files.readAllBytes(model));
    }
    if (Files.exists(json)) {
      Durable.write(
          folder.resolve(JSON_FILE),
          channel -> {
            OutputStream target = new BufferedOutputStream(Channels.newOutputStream(channel));
            try (JsonParser in = HuggingFaceConfig.JSON.createParser(json.toFile())) {
              JsonGenerator out = HuggingFaceConfig.JSON.createGenerator(target);
              copyWithImage(in, out);
              out.flush();
            }
          });
    }
    ModelExporter.writeJson(folder.resolve("tokenizer_config.json"), config());
    ModelExporter.writeJson(folder.resolve("special_tokens_map.json"), specialTokens());
  }

  private void copyWithImage(JsonParser in, JsonGenerator out) throws IOException {
    in.nextToken();
    out.writeStartObject();
    while (in.nextToken() == JsonToken.FIELD_NAME) {
      String field = in.currentName();
      out.writeFieldName(field);
      in.nextToken();
      if (field.equals("added_tokens")) {
        out.writeStartArray();
        for (JsonNode token : in.<JsonNode>readValueAsTree()) {
          if (!token.path("content").asText().equals(IMAGE)) {
            out.writeTree(token);
          }
        }
        ObjectNode image = HuggingFaceConfig.JSON.createObjectNode();
        image.put("id", imageToken).setAll(token(IMAGE));
        out.writeTree(image.put("special", true));
        out.writeEndArray();
      } else {
        out.copyCurrentStructure(in);
      }
    }
    out.writeEndObject();
  }

  private ObjectNode config() {
    ObjectNode config = HuggingFaceConfig.JSON.createObjectNode();
    config.put("add_bos_token", true).put("add_eos_token", false);
    ObjectNode decoder = config.putObject("added_tokens_decoder");
    atoms.forEach(
        (id, text) -> decoder.set(Integer.toString(id), token(text).put("special", false)));
    for (int id = 0; id < SPECIAL.size(); id++) {
      decoder.set(Integer.toString(id), token(SPECIAL.get(id)).put("special", true));
    }
    decoder.set(Integer.toString(imageToken), token(IMAGE).put("special", true));
    config.putArray("additional_special_tokens").add(IMAGE);
    config.put("bos_token", "<bos>").put("eos_token", "<eos>");
    config.put("pad_token", "<pad>").put("unk_token", "<unk>");
    config.put("clean_up_tokenization_spaces", false);
    config.put("spaces_between_special_tokens", false);
    config.put("use_default_system_prompt", false);
    config.put("processor_class", "PaliGemmaProcessor");
    config.putObject("sp_model_kwargs");
    return config.put("tokenizer_class", "GemmaTokenizer");
  }

  private static ObjectNode specialTokens() {
    ObjectNode map = HuggingFaceConfig.JSON.createObjectNode();
    map.putArray("additional_special_tokens").add(token(IMAGE));
    for (Map.Entry<String, String> e :
        List.of(
            Map.entry("bos_token", "<bos>"),
            Map.entry("eos_token", "<eos>"),
            Map.entry("pad_token", "<pad>"),
            Map.entry("unk_token", "<unk>"))) {
      map.set(e.getKey(), token(e.getValue()));
    }
    return map;
  }

  private static ObjectNode token(String content) {
    return HuggingFaceConfig.JSON
        .createObjectNode()
        .put("content", content)
        .put("lstrip", false)
        .put("normalized", false)
        .put("rstrip", false)
        .put("single_word", false);
  }
}
