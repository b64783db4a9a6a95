package dev.palimpsest.eval.benchmarks.forms;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Data;
import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Small made-up files in each published form, and what they hold. */
public final class PublishedFiles {
  /** Where the files are. */
  public static final Path FOLDER = Path.of("src/test/resources/benchmarks");

  /** For fields that an example lacks. */
  public static final JsonNode MISSING = MissingNode.getInstance();

  private PublishedFiles() {}

  /** What a file holds. */
  public static JsonNode expected(String name) throws IOException {
    return JsonMapper.builder()
        .build()
        .readTree(FOLDER.resolve("EXPECTED.json").toFile())
        .path(name);
  }

  /** A file by its name. */
  public static Path file(String name) {
    return FOLDER.resolve(name);
  }

  /**
   * What a form reads.
   *
   * @param files in the order in which the format names them
   */
  public static List<BenchmarkExample> read(
      BenchmarkForm form, BenchmarkFormat format, Path... files) throws IOException {
    Map<String, String> named = new LinkedHashMap<>();
    for (int i = 0; i < files.length; i++) {
      named.put(format.files().get(i), files[i].toString());
    }
    Data data = new Data(format, named, null, Map.of(), Map.of(), null, "a shelf");
    return form.read(new BenchmarkFiles("test", Path.of(""), data));
  }

  /** The texts of a list. */
  public static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(t -> texts.add(t.asText()));
    return texts;
  }

  /**
   * Compares all examples with what their file is expected to hold.
   *
   * @param parts what is compared: {@code KEY: PART}, the key of the expectation and the part of
   *     the example, which is {@code id}, {@code question}, {@code references}, {@code reference}
   *     (the first), {@code image}, {@code second image} or {@code field NAME}
   */
  public static void assertExamples(
      JsonNode wanted, List<BenchmarkExample> examples, String... parts) {
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      assertExample(wanted.get(i), examples.get(i), parts);
    }
  }

  /** The same for one example. */
  public static void assertExample(JsonNode wanted, BenchmarkExample example, String... parts) {
    for (String part : parts) {
      String[] names = part.split(": ");
      JsonNode value = wanted.path(names[0]);
      assertEquals(
          value.isArray() ? texts(value) : value.asText(),
          part(example, names[1]),
          () -> part + " of " + example);
    }
  }

  private static Object part(BenchmarkExample example, String name) {
    return switch (name) {
      case "id" -> example.id();
      case "question" -> example.question();
      case "references" -> example.references();
      case "reference" -> example.references().get(0);
      case "image" -> example.images().get(0);
      case "second image" -> example.images().get(1);
      default -> field(example, name.substring("field ".length()));
    };
  }

  /** A field as text. */
  public static String field(BenchmarkExample example, String name) {
    return example.fields().getOrDefault(name, MISSING).asText();
  }
}
