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
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

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
            image = token.path("content").asText().equals(IMAGE) ? id : image;
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

  /** Pieces of a SentencePiece model: field 1 of the outermost protobuf message, repeated. */
  private int pieces() throws IOException {
    byte[] bytes = Files.readAllBytes(model);
    int pieces = 0;
    int at = 0;
    while (at < bytes.length) {
      long[] tag = varint(bytes, at);
      at = (int) tag[1];
      long[] length = varint(bytes, at);
      if ((tag[0] & 7) != 2 || length[0] < 0 || length[0] > bytes.length - length[1]) {
        throw new CheckpointFormatException(
            Kind.FOREIGN, model, "is neither a SentencePiece model nor a tokenizer.json");
      }
      at = (int) (length[1] + length[0]);
      pieces += tag[0] >>> 3 == 1 ? 1 : 0;
    }
    return pieces;
  }

  /** Value, and the position after it. */
  private static long[] varint(byte[] bytes, int at) {
    long value = 0;
    for (int shift = 0; at < bytes.length && shift < 63; shift += 7) {
      byte b = bytes[at++];
      value |= (b & 0x7fL) << shift;
      if (b >= 0) {
        break;
      }
    }
    return new long[] {value, at};
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
