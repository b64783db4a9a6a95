package dev.palimpsest.mixtures.text;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.files.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * {@code tokenizer.json} of Hugging Face's tokenizers library, for vocabularies converted from
 * Gemma's: a BPE model with byte fallback and a normalizer that writes spaces as U+2581. It is read
 * as a stream because Gemma's file has half a million merges.
 */
final class HuggingFaceTokenizerFile {
  private static final String SPACE = "\u2581";

  private static final String IMAGE = AddedTokens.IMAGE;

  private final TreeMap<Integer, String> texts = new TreeMap<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<String[]> mergePairs = new ArrayList<>();
  private final Set<Integer> atoms = new HashSet<>();
  private final Set<Integer> literalAtoms = new HashSet<>();
  private String modelType = "none";
  private boolean byteFallback;
  private JsonNode normalizer = MissingNode.getInstance();
  private JsonNode preTokenizer = MissingNode.getInstance();

  private HuggingFaceTokenizerFile() {}

  /**
   * Reads a file.
   *
   * @throws IllegalArgumentException when it describes another kind of tokenizer
   */
  static BpeTokenizer read(byte[] bytes) {
    return read(bytes, Map.of());
  }

  /**
   * Reads a file.
   *
   * @param besides tokens that other files in its folder add, by id
   */
  static BpeTokenizer read(byte[] bytes, Map<Integer, JsonNode> besides) {
    HuggingFaceTokenizerFile file = new HuggingFaceTokenizerFile();
    try (JsonParser parser = Json.STRICT.createParser(new ByteArrayInputStream(bytes))) {
      file.parse(parser);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "not a tokenizer.json: %s at line %d"
              .formatted(e.getOriginalMessage(), e.getLocation().getLineNr()),
          e);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    besides.forEach(
        (id, token) -> {
          if (!file.texts.containsKey(id)) {
            file.added(id, token);
          }
        });
    return file.tokenizer();
  }

  private void parse(JsonParser parser) throws IOException {
    expect(parser, parser.nextToken(), JsonToken.START_OBJECT);
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      switch (name) {
        case "added_tokens" -> {
          for (JsonNode token : parser.<JsonNode>readValueAsTree()) {
            added(token.path("id").asInt(-1), token);
          }
        }
        case "normalizer" -> normalizer = parser.readValueAsTree();
        case "pre_tokenizer" -> preTokenizer = parser.readValueAsTree();
        case "model" -> model(parser);
        default -> parser.skipChildren();
      }
    }
  }

  private void model(JsonParser parser) throws IOException {
    expect(parser, parser.currentToken(), JsonToken.START_OBJECT);
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (name) {
        case "type" -> modelType = parser.getText();
        case "byte_fallback" -> byteFallback = value == JsonToken.VALUE_TRUE;
        case "vocab" -> {
          if (value != JsonToken.START_OBJECT) { // a list of [piece, score] is a UNIGRAM model
            parser.skipChildren();
            break;
          }
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String text = parser.currentName();
            expect(parser, parser.nextToken(), JsonToken.VALUE_NUMBER_INT);
            piece(parser.getIntValue(), text);
          }
        }
        case "merges" -> {
          expect(parser, value, JsonToken.START_ARRAY);
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            mergePairs.add(pair(parser));
          }
        }
        default -> parser.skipChildren();
      }
    }
  }

  /** A merge: {@code ["a", "b"]}, or {@code "a b"} in files of earlier versions. */
  private static String[] pair(JsonParser parser) throws IOException {
    String[] pair;
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      pair = parser.getText().split(" ", -1);
    } else {
      pair = parser.readValueAs(String[].class);
    }
    if (pair.length != 2) {
      throw new IllegalArgumentException(
          "a merge must name two pieces, found '%s'".formatted(String.join(" ", pair)));
    }
    return pair;
  }

  private void added(int id, JsonNode token) {
    String text = token.path("content").asText();
    AddedTokens.checkOptions(id, token);
    piece(id, text);
    atoms.add(id);
    if (!token.path("normalized").asBoolean(true)) {
      literalAtoms.add(id);
    }
  }

  private void piece(int id, String text) {
    String earlier = texts.put(id, text);
    Integer earlierId = ids.put(text, id);
    if (id < 0
        || (earlier != null && !earlier.equals(text))
        || (earlierId != null && earlierId != id)) {
      throw new IllegalArgumentException(
          "piece '%s' and id %d do not correspond one to one in vocab and added_tokens"
              .formatted(text, id));
    }
  }

  private BpeTokenizer tokenizer() {
    if (!modelType.equals("BPE") || !byteFallback) {
      throw new IllegalArgumentException(
          "its model is %s with byte_fallback %s; only BPE with byte fallback (Gemma's) is supported"
              .formatted(modelType, byteFallback));
    }
    checkNormalizer();
    Integer image = ids.get(IMAGE);
    if (image != null) {
      atoms.remove(image);
      if (image.equals(texts.lastKey())) { // no row is needed for it
        texts.remove(image);
      }
    }
    List<Piece> pieces = new ArrayList<>();
    for (Map.Entry<Integer, String> entry : texts.entrySet()) {
      int id = entry.getKey();
      if (id > pieces.size() && pieces.size() < 256) {
        throw new IllegalArgumentException("id %d has no piece".formatted(pieces.size()));
      }
      AddedTokens.put(pieces, id, new Piece(entry.getValue(), 0, type(id, entry.getValue())));
    }
    Merges merges = new Merges(mergePairs.size());
    for (int rank = 0; rank < mergePairs.size(); rank++) {
      String[] pair = mergePairs.get(rank);
      merges.put(id(pair[0]), id(pair[1]), rank, id(pair[0] + pair[1]));
    }
    return new BpeTokenizer(pieces, merges, literalAtoms::contains);
  }

  private int id(String text) {
    Integer id = ids.get(text);
    if (id == null) {
      throw new IllegalArgumentException(
          "a merge names '%s', which is not a piece".formatted(text));
    }
    return id;
  }

  private Piece.Type type(int id, String text) {
    if (id < Piece.specials().size()) {
      return Piece.specials().get(id).type();
    }
    if (atoms.contains(id)) {
      return Piece.Type.USER_DEFINED;
    }
    if (text.equals(IMAGE)) {
      return Piece.Type.CONTROL;
    }
    return text.matches("<0x[0-9A-F]{2}>") ? Piece.Type.BYTE : Piece.Type.NORMAL;
  }

  private void checkNormalizer() {
    boolean spaces =
        normalizer.path("type").asText().equals("Replace")
            && normalizer.at("/pattern/String").asText().equals(" ")
            && normalizer.path("content").asText().equals(SPACE);
    if (!spaces) {
      throw new IllegalArgumentException(
          "its normalizer is %s; expected one that only replaces ' ' by U+2581, as"
                  .formatted(normalizer)
              + " Gemma's");
    }
    // Gemma's splits at spaces, but the normalizer has left none.
    boolean idle =
        preTokenizer.isMissingNode()
            || preTokenizer.isNull()
            || (preTokenizer.path("type").asText().equals("Split")
                && preTokenizer.at("/pattern/String").asText().equals(" "));
    if (!idle) {
      throw new IllegalArgumentException(
          "its pre_tokenizer is %s; expected none, or a split at ' ' as in Gemma's"
              .formatted(preTokenizer));
    }
  }

  private static void expect(JsonParser parser, JsonToken found, JsonToken expected)
      throws IOException {
    if (found != expected) {
      throw new IllegalArgumentException(
          "not a Hugging Face tokenizer: expected %s at %s, found %s"
              .formatted(expected, parser.currentLocation().offsetDescription(), found));
    }
  }

  /**
   * A file's bytes: the same vocabulary with explicit merges, as Hugging Face's library needs them.
   */
  static byte[] write(List<Piece> pieces) throws IOException {
    Map<String, Integer> symbols = new HashMap<>();
    for (int id = 0; id < pieces.size(); id++) {
      if (pieces.get(id).type() == Piece.Type.NORMAL) {
        symbols.put(pieces.get(id).text(), id);
      }
    }
    List<Merges.Split> splits = Merges.splits(pieces, symbols);
    splits.sort(
        Comparator.comparingDouble((Merges.Split split) -> -pieces.get(split.piece()).score())
            .thenComparingInt(Merges.Split::left)
            .thenComparingInt(Merges.Split::right));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator out = Json.STRICT.createGenerator(bytes)) {
      out.useDefaultPrettyPrinter();
      out.writeStartObject();
      out.writeStringField("version", "1.0");
      out.writeNullField("truncation");
      out.writeNullField("padding");
      out.writeArrayFieldStart("added_tokens");
      for (int id = 0; id < pieces.size(); id++) {
        if (pieces.get(id).type() == Piece.Type.USER_DEFINED) {
          writeAdded(out, id, pieces.get(id).text());
        }
      }
      out.writeEndArray();
      writePipeline(out);
      out.writeObjectFieldStart("model");
      out.writeStringField("type", "BPE");
      out.writeNullField("dropout");
      out.writeStringField("unk_token", "<unk>");
      out.writeNullField("continuing_subword_prefix");
      out.writeNullField("end_of_word_suffix");
      out.writeBooleanField("fuse_unk", true);
      out.writeBooleanField("byte_fallback", true);
      out.writeBooleanField("ignore_merges", false);
      out.writeObjectFieldStart("vocab");
      for (int id = 0; id < pieces.size(); id++) {
        out.writeNumberField(pieces.get(id).text(), id);
      }
      out.writeEndObject();
      out.writeArrayFieldStart("merges");
      for (Merges.Split split : splits) {
        out.writeStartArray();
        out.writeString(pieces.get(split.left()).text());
        out.writeString(pieces.get(split.right()).text());
        out.writeEndArray();
      }
      out.writeEndArray();
      out.writeEndObject();
      out.writeEndObject();
    }
    return bytes.toByteArray();
  }

  private static void writeAdded(JsonGenerator out, int id, String text) throws IOException {
    out.writeStartObject();
    out.writeNumberField("id", id);
    out.writeStringField("content", text);
    out.writeBooleanField("single_word", false);
    out.writeBooleanField("lstrip", false);
    out.writeBooleanField("rstrip", false);
    // A run of spaces is matched as U+2581, which only the normalised text contains.
    out.writeBooleanField("normalized", text.contains(SPACE));
    out.writeBooleanField("special", false);
    out.writeEndObject();
  }

  private static void writePipeline(JsonGenerator out) throws IOException {
    out.writeObjectFieldStart("normalizer");
    writeReplace(out, " ", SPACE);
    out.writeEndObject();
    out.writeNullField("pre_tokenizer");
    out.writeNullField("post_processor");
    out.writeObjectFieldStart("decoder");
    out.writeStringField("type", "Sequence");
    out.writeArrayFieldStart("decoders");
    out.writeStartObject();
    writeReplace(out, SPACE, " ");
    out.writeEndObject();
    for (String type : List.of("ByteFallback", "Fuse")) {
      out.writeStartObject();
      out.writeStringField("type", type);
      out.writeEndObject();
    }
    out.writeEndArray();
    out.writeEndObject();
  }

  private static void writeReplace(JsonGenerator out, String from, String to) throws IOException {
    out.writeStringField("type", "Replace");
    out.writeObjectFieldStart("pattern");
    out.writeStringField("String", from);
    out.writeEndObject();
    out.writeStringField("content", to);
  }
}
