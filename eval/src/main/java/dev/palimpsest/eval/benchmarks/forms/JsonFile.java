package dev.palimpsest.eval.benchmarks.forms;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.JsonValues;
import dev.palimpsest.mixtures.formats.TextFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A JSON file and its name for messages.
 *
 * @param path where it came from
 * @param root its content
 */
public record JsonFile(Path path, JsonNode root) {
  /**
   * Reads a file.
   *
   * @throws BenchmarkFormatException when it is not JSON
   */
  public static JsonFile read(Path path) throws IOException {
    try (InputStream in = TextFile.open(path)) {
      return new JsonFile(path, Json.PYTHON.readTree(in));
    } catch (JsonProcessingException e) {
      throw new BenchmarkFormatException(path + ": not JSON: " + e.getOriginalMessage());
    }
  }

  /** A file with an object per line. */
  public static List<JsonNode> readLines(Path path) throws IOException {
    List<JsonNode> objects = new ArrayList<>();
    List<String> lines = TextFile.lines(path);
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).isBlank()) {
        try {
          objects.add(Json.PYTHON.readTree(lines.get(i)));
        } catch (JsonProcessingException e) {
          throw new BenchmarkFormatException(
              path + ":" + (i + 1) + ": not JSON: " + e.getOriginalMessage());
        }
      }
    }
    return objects;
  }

  /** The list under a key. */
  public JsonNode list(String key) {
    JsonNode list = root.path(key);
    if (!list.isArray()) {
      throw new BenchmarkFormatException(path + ": expected an object with a list \"" + key + "\"");
    }
    return list;
  }

  /** The captions of a list's items by what they belong to, in their order. */
  public Map<String, List<String>> captions(String list, Function<JsonNode, String> owner) {
    Map<String, List<String>> captions = new LinkedHashMap<>();
    for (JsonNode item : list(list)) {
      captions
          .computeIfAbsent(owner.apply(item), id -> new ArrayList<>())
          .add(text(item, "caption"));
    }
    return captions;
  }

  /** The file itself as a list or, in some copies, its {@code data}. */
  public JsonNode items() {
    return root.isArray() ? root : list("data");
  }

  /** A value that an item must have, as text whatever its type. */
  public String text(JsonNode item, String key) {
    return value(item, key).asText();
  }

  /** An id that an item must have; 2 and 2.0 are the same. */
  public String id(JsonNode item, String key) {
    return JsonValues.id(value(item, key));
  }

  /** A value as text, if an item has it. */
  public List<String> zeroOrOne(JsonNode item, String key) {
    return item.hasNonNull(key) ? List.of(text(item, key)) : List.of();
  }

  private JsonNode value(JsonNode item, String key) {
    JsonNode value = item.path(key);
    if (!value.isValueNode() || value.isNull()) {
      throw new BenchmarkFormatException(
          path + ": an item has no \"" + key + "\": " + JsonValues.abridged(item));
    }
    return value;
  }

  /** The texts of a list; empty if it is missing. */
  public static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  /** The texts of a list, or a single text; empty if it is missing. */
  public static List<String> oneOrMany(JsonNode node) {
    return node.isArray()
        ? texts(node)
        : node.isMissingNode() || node.isNull() ? List.of() : List.of(node.asText());
  }

  /** The text under the same key of every object in a list. */
  public static List<String> texts(JsonNode list, String key) {
    List<String> texts = new ArrayList<>();
    list.forEach(object -> texts.add(object.path(key).asText()));
    return texts;
  }

  /** Those of the given keys that an item has. */
  public static Map<String, JsonNode> fields(JsonNode item, String... keys) {
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    for (String key : keys) {
      if (item.hasNonNull(key)) {
        fields.put(key, item.path(key));
      }
    }
    return fields;
  }
}
