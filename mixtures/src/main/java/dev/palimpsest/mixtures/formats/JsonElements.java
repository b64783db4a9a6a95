package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Objects in the lists of one JSON object, as COCO and VQA write them ({@code {"images": [...],
 * "annotations": [...]}}), found once and then read where they stand: such files have hundreds of
 * megabytes and make trees of several gigabytes. UTF-8. Thread-safe.
 */
public final class JsonElements implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonFactory FACTORY = JSON.getFactory();

  private final FileBytes file;

  private JsonElements(FileBytes file) {
    this.file = file;
  }

  /** Opens a file. */
  public static JsonElements open(Path path) throws IOException {
    return new JsonElements(FileBytes.open(path));
  }

  /** What is told of each element of a list. */
  public interface Visitor {
    /**
     * One element.
     *
     * @param start its first byte
     * @param length its bytes
     * @param values texts of the fields asked for, in their order; null where a field is absent or
     *     no scalar
     */
    void element(long start, int length, @Nullable String[] values);
  }

  /**
   * A list to go through.
   *
   * @param fields fields of its elements that the visitor is told
   */
  public record ListOf(List<String> fields, Visitor visitor) {}

  /**
   * Goes through the file once.
   *
   * @param lists by name of the top-level field; all must be there
   * @param texts gets other top-level fields that are scalars, by name
   * @throws MalformedFileException when it is not such an object
   */
  public void scan(Map<String, ListOf> lists, Map<String, String> texts) throws IOException {
    Set<String> missing = new TreeSet<>(lists.keySet());
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file.path()), 1 << 16);
        JsonParser parser = FACTORY.createParser(in)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw malformed("expected an object with " + lists.keySet());
      }
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        ListOf list = lists.get(name);
        if (list != null) {
          if (token != JsonToken.START_ARRAY) {
            throw malformed("\"%s\" must be a list".formatted(name));
          }
          missing.remove(name);
          elements(parser, name, list);
        } else if (token.isScalarValue()) {
          texts.put(name, parser.getText());
        } else {
          parser.skipChildren();
        }
      }
    } catch (JsonProcessingException e) {
      throw new MalformedFileException(file.path() + ": not JSON: " + e.getOriginalMessage(), e);
    }
    if (!missing.isEmpty()) {
      throw malformed("expected an object with the lists " + missing);
    }
  }

  private void elements(JsonParser parser, String name, ListOf list) throws IOException {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw malformed(
            "\"%s\" must be a list of objects, found %s".formatted(name, parser.currentToken()));
      }
      long start = parser.currentTokenLocation().getByteOffset();
      @Nullable String[] values = new @Nullable String[list.fields().size()];
      for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        int wanted = list.fields().indexOf(key);
        if (wanted >= 0 && token.isScalarValue() && token != JsonToken.VALUE_NULL) {
          values[wanted] = parser.getText();
        } else {
          parser.skipChildren();
        }
      }
      long end = parser.currentTokenLocation().getByteOffset() + 1;
      if (end - start > Integer.MAX_VALUE) {
        throw malformed("an element of \"%s\" has %d bytes".formatted(name, end - start));
      }
      list.visitor().element(start, (int) (end - start), values);
    }
  }

  /** Reads an element that a scan found. */
  public ObjectNode read(long start, int length) throws IOException {
    byte[] bytes = file.bytes(start, length);
    try {
      if (JSON.readTree(bytes) instanceof ObjectNode object) {
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
