package dev.palimpsest.mixtures.text;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The tokenizer files in the folder of an exported model, in the form that every transformers
 * release reads: {@code tokenizer.json} with merges as {@code "a b"}, Gemma's special tokens and
 * its post-processor, which adds BOS; {@code tokenizer.model} if the run has one; and the small
 * files beside them. {@code <image>} is one of the tokens.
 *
 * @param imageToken id of {@code <image>}: its existing id, or the first free one
 * @param files contents by name
 */
public record HuggingFaceTokenizer(int imageToken, Map<String, byte[]> files) {
  private static final List<String> SPECIAL = List.of("<pad>", "<eos>", "<bos>", "<unk>");

  /** Keeps unmodifiable copies. */
  public HuggingFaceTokenizer {
    files = Map.copyOf(files);
  }

  /**
   * Reads a tokenizer in either form. A {@code tokenizer.model} is converted to a {@code
   * tokenizer.json} that tokenises identically; with a {@code tokenizer.json}, the {@code
   * tokenizer.model} beside it is included.
   *
   * @throws UncheckedIOException when the file cannot be read
   * @throws dev.palimpsest.mixtures.formats.MalformedFileException when it is not a usable
   *     tokenizer
   */
  public static HuggingFaceTokenizer of(Path file) {
    BpeTokenizer tokenizer = TokenizerFiles.read(file);
    Map<String, byte[]> files = new LinkedHashMap<>();
    try {
      byte[] content = Files.readAllBytes(file);
      boolean isJson = TokenizerFiles.isJson(content);
      byte[] json = isJson ? content : HuggingFaceTokenizerFile.write(tokenizer.pieces());
      Path model = isJson ? file.resolveSibling(TokenizerFiles.SENTENCE_PIECE) : file;
      TreeMap<Integer, ObjectNode> tokens = added(json);
      int image = tokenizer.vocabularySize();
      for (Map.Entry<Integer, ObjectNode> token : tokens.entrySet()) {
        if (token.getValue().path("content").asText().equals(AddedTokens.IMAGE)) {
          image = token.getKey();
        }
      }
      for (int id = 0; id < SPECIAL.size(); id++) {
        tokens.put(id, token(id, SPECIAL.get(id)).put("special", true));
      }
      tokens.put(image, token(image, AddedTokens.IMAGE).put("special", true));
      files.put(TokenizerFiles.HUGGING_FACE, written(json, tokens));
      if (Files.exists(model)) {
        files.put(TokenizerFiles.SENTENCE_PIECE, Files.readAllBytes(model));
      }
      files.put("tokenizer_config.json", bytes(config(tokens)));
      files.put("special_tokens_map.json", bytes(specialTokens()));
      return new HuggingFaceTokenizer(image, files);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the tokenizer " + file, e);
    }
  }

  private static byte[] bytes(ObjectNode node) {
    return (node.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static TreeMap<Integer, ObjectNode> added(byte[] json) throws IOException {
    TreeMap<Integer, ObjectNode> tokens = new TreeMap<>();
    try (JsonParser parser = Json.STRICT.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = parser.currentName().equals("added_tokens");
        parser.nextToken();
        if (wanted) {
          for (JsonNode token : parser.<JsonNode>readValueAsTree()) {
            tokens.put(token.path("id").asInt(), (ObjectNode) token);
          }
        } else {
          parser.skipChildren();
        }
      }
    }
    return tokens;
  }

  private static byte[] written(byte[] json, TreeMap<Integer, ObjectNode> tokens)
      throws IOException {
    ByteArrayOutputStream target = new ByteArrayOutputStream(json.length);
    try (JsonParser in = Json.STRICT.createParser(json);
        JsonGenerator out = Json.STRICT.createGenerator(target)) {
      boolean processed = false;
      in.nextToken();
      out.writeStartObject();
      while (in.nextToken() == JsonToken.FIELD_NAME) {
        String field = in.currentName();
        in.nextToken();
        out.writeFieldName(field);
        switch (field) {
          case "added_tokens" -> {
            in.skipChildren();
            Json.STRICT.writeTree(out, Json.STRICT.createArrayNode().addAll(tokens.values()));
          }
          case "post_processor" -> {
            in.skipChildren();
            Json.STRICT.writeTree(out, postProcessor());
            processed = true;
          }
          case "model" -> copyModel(in, out);
          default -> out.copyCurrentStructure(in);
        }
      }
      if (!processed) {
        out.writeFieldName("post_processor");
        Json.STRICT.writeTree(out, postProcessor());
      }
      out.writeEndObject();
    }
    return target.toByteArray();
  }

  /** Writes merges as strings; pieces contain no space, which would make them ambiguous. */
  private static void copyModel(JsonParser in, JsonGenerator out) throws IOException {
    out.writeStartObject();
    while (in.nextToken() == JsonToken.FIELD_NAME) {
      String field = in.currentName();
      out.writeFieldName(field);
      if (in.nextToken() == JsonToken.START_ARRAY && field.equals("merges")) {
        out.writeStartArray();
        while (in.nextToken() != JsonToken.END_ARRAY) {
          if (in.currentToken() == JsonToken.START_ARRAY) {
            out.writeString(String.join(" ", in.readValueAs(String[].class)));
          } else {
            out.writeString(in.getText());
          }
        }
        out.writeEndArray();
      } else {
        out.copyCurrentStructure(in);
      }
    }
    out.writeEndObject();
  }

  /** Gemma's post-processor: BOS before each text. */
  private static ObjectNode postProcessor() {
    ObjectNode processor = Json.STRICT.createObjectNode().put("type", "TemplateProcessing");
    ArrayNode single = processor.putArray("single");
    sequence(single, "A", 0);
    ArrayNode pair = processor.putArray("pair");
    sequence(pair, "A", 0);
    sequence(pair, "B", 1);
    ObjectNode bos = processor.putObject("special_tokens").putObject("<bos>").put("id", "<bos>");
    bos.putArray("ids").add(Tokenizer.BOS);
    bos.putArray("tokens").add("<bos>");
    return processor;
  }

  private static void sequence(ArrayNode template, String text, int segment) {
    template.addObject().putObject("SpecialToken").put("id", "<bos>").put("type_id", segment);
    template.addObject().putObject("Sequence").put("id", text).put("type_id", segment);
  }

  private static ObjectNode config(TreeMap<Integer, ObjectNode> tokens) {
    ObjectNode config = Json.STRICT.createObjectNode();
    config.put("add_bos_token", true).put("add_eos_token", false);
    ObjectNode decoder = config.putObject("added_tokens_decoder");
    tokens.forEach(
        (id, token) -> {
          ObjectNode described = token.deepCopy();
          described.remove("id");
          decoder.set(Integer.toString(id), described);
        });
    config.putArray("additional_special_tokens").add(AddedTokens.IMAGE);
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
    ObjectNode map = Json.STRICT.createObjectNode();
    map.putArray("additional_special_tokens").add(described(AddedTokens.IMAGE));
    for (Map.Entry<String, String> e :
        List.of(
            Map.entry("bos_token", "<bos>"),
            Map.entry("eos_token", "<eos>"),
            Map.entry("pad_token", "<pad>"),
            Map.entry("unk_token", "<unk>"))) {
      map.set(e.getKey(), described(e.getValue()));
    }
    return map;
  }

  private static ObjectNode token(int id, String content) {
    ObjectNode token = Json.STRICT.createObjectNode().put("id", id);
    return token.setAll(described(content));
  }

  private static ObjectNode described(String content) {
    return Json.STRICT
        .createObjectNode()
        .put("content", content)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false);
  }
}
