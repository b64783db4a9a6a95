package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Objects in the lists of one JSON object, as COCO and VQA write them ({@code {"images": [...],
 * "annotations": [...]}}), located once and then read in place: such files have hundreds of
 * megabytes and would become trees of several gigabytes. UTF-8. Thread-safe.
 */
public final class JsonElements implements AutoCloseable {
  /** The most bytes of an element; a larger one is not an image, annotation or question. */
  private static final long LONGEST = 1 << 26;

  /** The most members of a list that a visitor receives. */
  private static final int LONGEST_LIST = 8;

  private final FileBytes file;

  private JsonElements(FileBytes file) {
    this.file = file;
  }

  /** Opens a file. */
  public static JsonElements open(Path path) throws IOException {
    return new JsonElements(FileBytes.open(path));
  }

  /** Receives each element of a list. */
  public interface Visitor {
    /**
     * One element.
     *
     * @param start its first byte
     * @param length its bytes
     * @param values the values of the requested fields as text, in their order, numbers as in
     *     {@link JsonValues#id}; for a short list of scalars, its members separated by commas; null
     *     if a field is absent or of another kind
     */
    void element(long start, int length, @Nullable String[] values);
  }

  /**
   * A list to be read.
   *
   * @param fields the fields of its elements that the visitor receives
   */
  public record ListOf(List<String> fields, Visitor visitor) {}

  /**
   * Reads the file once.
   *
   * @param lists by name of the top-level field; all must be present
   * @param texts receives other top-level fields that are scalars, by name
   * @throws MalformedFileException when it is not such an object
   */
  public void scan(Map<String, ListOf> lists, Map<String, String> texts) throws IOException {
    Set<String> missing = new TreeSet<>(lists.keySet());
    int base = TextFile.start(file);
    try (InputStream in = TextFile.open(file.path());
        JsonParser parser = Json.PYTHON.getFactory().createParser(in)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw malformed(
            "expected an object with %s, found %s"
                .formatted(
                    lists.keySet(),
                    first == null
                        ? "an empty file"
                        : first == JsonToken.START_ARRAY ? "a JSON array" : "a single value"));
      }
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        ListOf list = lists.get(name);
        if (list != null) {
          if (token != JsonToken.START_ARRAY) {
            throw malformed("\"%s\" must be a list".formatted(name));
          }
          missing.remove(name);
          elements(parser, base, name, list);
        } else if (token.isScalarValue()) {
          texts.put(name, JsonValues.scalar(parser));
        } else {
          parser.skipChildren();
        }
      }
      if (parser.nextToken() != null) {
        throw malformed("there is more text after the end of its object");
      }
    } catch (JsonProcessingException e) {
      throw new MalformedFileException(
          "%s, byte %d: not JSON, or a truncated file: %s"
              .formatted(
                  file.path(), base + e.getLocation().getByteOffset(), e.getOriginalMessage()),
          e);
    }
    if (!missing.isEmpty()) {
      throw malformed("expected an object with the lists " + missing);
    }
  }

  private void elements(JsonParser parser, int base, String name, ListOf list) throws IOException {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw malformed(
            "\"%s\" must be a list of objects, found %s".formatted(name, parser.currentToken()));
      }
      long start = base + parser.currentTokenLocation().getByteOffset();
      @Nullable String[] values = new @Nullable String[list.fields().size()];
      for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        int wanted = list.fields().indexOf(key);
        if (wanted >= 0 && token.isScalarValue() && token != JsonToken.VALUE_NULL) {
          values[wanted] = JsonValues.scalar(parser);
        } else if (wanted >= 0 && token == JsonToken.START_ARRAY) {
          values[wanted] = scalars(parser);
        } else {
          parser.skipChildren();
        }
      }
      long end = base + parser.currentTokenLocation().getByteOffset() + 1;
      if (end - start > LONGEST) {
        throw malformed("an element of \"%s\" has %d bytes".formatted(name, end - start));
      }
      list.visitor().element(start, (int) (end - start), values);
    }
  }

  /** Reads a list; null if it is long or does not consist of scalars. */
  private static @Nullable String scalars(JsonParser parser) throws IOException {
    StringJoiner texts = new StringJoiner(",");
    int count = 0;
    boolean plain = true;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      plain &= parser.currentToken().isScalarValue() && ++count <= LONGEST_LIST;
      if (plain) {
        texts.add(JsonValues.scalar(parser));
      } else {
        parser.skipChildren();
      }
    }
    return plain ? texts.toString() : null;
  }

  /** Reads an element that was located before. */
  public ObjectNode read(long start, int length) throws IOException {
    byte[] bytes = file.bytes(start, length);
    try {
      if (Json.PYTHON.readTree(bytes) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      throw new MalformedFileException(
          "%s, byte %d: not JSON: %s".formatted(file.path(), start, e.getOriginalMessage()), e);
    }
    throw malformed("byte %d: not an object".formatted(start));
  }

  private MalformedFileException malformed(String what) {
    return new MalformedFileException(file.path() + ": " + what);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
