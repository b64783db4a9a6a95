package dev.palimpsest.eval.benchmarks.forms;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A user's own JSON lines: {@code id}, {@code image} (a name or a list), {@code question}, {@code
 * references} (a text or a list); everything else is a field. {@code docs/benchmarks.md} describes
 * them.
 *
 * <pre>
 * {"id": 1, "image": "1.jpg", "question": "What boils?", "references": ["a kettle"], "room": "kitchen"}
 * </pre>
 */
public final class JsonLinesForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path file = files.file("rows");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, item);
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      item.properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
      List.of("id", "image", "question", "references").forEach(fields::remove);
      examples.add(
          new BenchmarkExample(
              json.id(item, "id"),
              JsonFile.oneOrMany(item.path("image")),
              item.path("question").asText(""),
              JsonFile.oneOrMany(item.path("references")),
              fields));
    }
    return examples;
  }
}
