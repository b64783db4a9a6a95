package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * MaRVL (https://marvl-challenge.github.io/download): an object on each line, with a file for each
 * language, named by the language's code in the definition. Pictures are {@code
 * LANGUAGE/images/CONCEPT/NAME}, as the archive has them; without a folder for the concept where
 * the line names none. Field {@code language}.
 *
 * <pre>
 * {"concept": "39-Panci", "language": "id", "caption": "Panci di salah satu foto berada di atas ...",
 *  "left_img": "39-0.jpg", "right_img": "39-11.jpg", "id": "id-0", "label": true, ...}
 * </pre>
 */
public final class MarvlForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.all().entrySet()) {
      int number = 0;
      for (JsonNode line : JsonFile.readLines(file.getValue())) {
        JsonFile json = new JsonFile(file.getValue(), line);
        String id = line.hasNonNull("id") ? json.id(line, "id") : file.getKey() + "-" + number;
        number++;
        String label = line.path("label").asText();
        String concept = line.path("concept").asText("");
        String pictures = file.getKey() + "/images/" + (concept.isEmpty() ? "" : concept + "/");
        examples.add(
            new BenchmarkExample(
                id,
                List.of(
                    pictures + json.text(line, "left_img"),
                    pictures + json.text(line, "right_img")),
                json.text(line, "caption"),
                // A JSON boolean and the text are one answer: True.
                label.isEmpty()
                    ? List.of()
                    : List.of(label.equalsIgnoreCase("true") ? "True" : "False"),
                Map.of("language", TextNode.valueOf(file.getKey()))));
      }
    }
    return examples;
  }
}
