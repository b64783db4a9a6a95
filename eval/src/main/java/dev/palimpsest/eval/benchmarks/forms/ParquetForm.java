package dev.palimpsest.eval.benchmarks.forms;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Row;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Any benchmark as Parquet with the pictures in it, as lmms-lab publishes them
 * (https://huggingface.co/lmms-lab). The definition's {@code fields} give the column of {@code id},
 * {@code question}, {@code references} and other fields, if their names differ; dots select members
 * of structs and of lists of structs: {@code references: answers.answer} for VQAv2's
 *
 * <pre>
 * {question_id: 262148000, image: {bytes, path}, question: "Where is he looking?",
 *  answers: [{answer: "down", answer_confidence: "yes", answer_id: 1}, ...], ...}
 * </pre>
 */
public final class ParquetForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Map<String, String> columns = files.data().fields();
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Row row : rows(files.file("rows"))) {
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      row.fields().properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
      columns.forEach((name, column) -> fields.put(name, at(row.fields(), column)));
      List<String> references =
          JsonFile.oneOrMany(at(row.fields(), columns.getOrDefault("references", "references")));
      JsonNode choices = fields.get("choices");
      JsonNode answer = fields.get("answer_index");
      if (references.isEmpty() && choices != null && answer != null) {
        references = List.of(choices.path(answer.asInt()).asText());
      }
      String id = at(row.fields(), columns.getOrDefault("id", "id")).asText(row.id());
      String question = at(row.fields(), columns.getOrDefault("question", "question")).asText("");
      List.of("id", "question", "references").forEach(fields::remove);
      examples.add(
          new BenchmarkExample(
                  id.isEmpty() ? row.id() : id, List.of(id), question, references, fields)
              .withPictures(row.images()));
    }
    return examples;
  }

  /**
   * Reads the rows of Parquet files, in order.
   *
   * @param path a file or a glob
   */
  public static List<Row> rows(Path path) {
    List<Row> rows = new ArrayList<>();
    try (ExampleSource source =
        ExampleSource.open(
            new SourceConfig.Parquet(path.toString(), List.of(), List.of(), null, null))) {
      for (long i = 0; i < source.size(); i++) {
        rows.add(source.row(i));
      }
    }
    return rows;
  }

  /** A value by its path; for a list, the values of its members. */
  private static JsonNode at(ObjectNode row, String path) {
    JsonNode node = row;
    for (String step : path.split("\\.")) {
      if (node.isArray()) {
        ArrayNode members = JsonNodeFactory.instance.arrayNode();
        node.forEach(member -> members.add(member.path(step)));
        node = members;
      } else {
        node = node.path(step);
      }
    }
    return node;
  }
}
