package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.mixtures.ExampleSource;
import dev.palimpsest.mixtures.ImageReference;
import dev.palimpsest.mixtures.Row;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** Benchmarks as Parquet with the pictures in it, as lmms-lab publishes them. */
final class ParquetFiles {
  private ParquetFiles() {}

  /** An example and its pictures. */
  record Pictured(BenchmarkExample example, List<ImageReference> images) {}

  /**
   * Any benchmark.
   *
   * @param path a file or a glob
   * @param names the column of {@code id}, {@code question}, {@code references} and other fields,
   *     where it is called otherwise; points lead into structs and lists of them
   */
  static List<Pictured> read(Path path, Map<String, String> names) {
    List<Pictured> read = new ArrayList<>();
    for (Row row : rows(path)) {
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      row.fields().properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
      names.forEach((name, column) -> fields.put(name, at(row.fields(), column)));
      List<String> references =
          texts(at(row.fields(), names.getOrDefault("references", "references")));
      JsonNode choices = fields.get("choices");
      JsonNode answer = fields.get("answer_index");
      if (references.isEmpty() && choices != null && answer != null) {
        references = List.of(choices.path(answer.asInt()).asText());
      }
      String id = at(row.fields(), names.getOrDefault("id", "id")).asText(row.id());
      String question = at(row.fields(), names.getOrDefault("question", "question")).asText("");
      List.of("id", "question", "references").forEach(fields::remove);
      read.add(
          new Pictured(
              new BenchmarkExample(
                  id.isEmpty() ? row.id() : id, List.of(id), question, references, fields),
              row.images()));
    }
    return read;
  }

  /**
   * CountBenchQA: rows with a count, and a question for each row in order. Rows without a picture
   * are left out, and those whose picture has one value a pixel: big_vision drops grey ones.
   */
  static List<Pictured> countBench(Path path, Path questions) throws IOException {
    List<String> asked = JsonFile.texts(JsonFile.read(questions).items(), "question");
    List<Pictured> read = new ArrayList<>();
    int index = 0;
    for (Row row : rows(path)) {
      if (index >= asked.size()) {
        throw new BenchmarkFormatException(
            "%s has %d questions and %s more rows".formatted(questions, asked.size(), path));
      }
      if (!row.images().isEmpty() && hasColours(row.images().get(0))) {
        read.add(
            new Pictured(
                new BenchmarkExample(
                    Integer.toString(index),
                    List.of(Integer.toString(index)),
                    asked.get(index),
                    List.of(row.fields().path("number").asText()),
                    Map.of()),
                row.images()));
      }
      index++;
    }
    return read;
  }

  /** Whether a picture has several values a pixel, as far as its head tells. */
  private static boolean hasColours(ImageReference picture) throws IOException {
    try (ImageInputStream in =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(picture.content().read()))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        return true; // not for here to say
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(in);
        Iterator<ImageTypeSpecifier> types = reader.getImageTypes(0);
        return !types.hasNext() || types.next().getNumBands() > 1;
      } finally {
        reader.dispose();
      }
    }
  }

  private static List<Row> rows(Path path) {
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

  /** A value by a path; through a list, the values of its members. */
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

  private static List<String> texts(JsonNode node) {
    return JsonFile.oneOrMany(node);
  }
}
