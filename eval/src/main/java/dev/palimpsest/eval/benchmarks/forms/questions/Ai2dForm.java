package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import dev.palimpsest.mixtures.formats.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * AI2D (https://prior.allenai.org/projects/diagram-understanding): a folder with a file of
 * questions for each diagram, {@code NAME.png.json}, and a file with the number of a test diagram
 * on each line. For questions about the letters painted over a diagram's words (field {@code
 * abc_label}) the picture is {@code ABC_} followed by the diagram's name.
 *
 * <pre>
 * {"imageName": "0.png", "questions": {"What is A in the diagram?": {"questionId": "0.png-0",
 *    "abcLabel": true, "answerTexts": ["ears", "nose", "mouth", "face"], "correctAnswer": 3}, ...}}
 * </pre>
 */
public final class Ai2dForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Set<String> test = new LinkedHashSet<>();
    TextFile.lines(files.file("test")).forEach(line -> test.add(line.strip()));
    List<Path> diagrams;
    try (Stream<Path> all = Files.list(files.file("questions"))) {
      diagrams = all.filter(f -> f.toString().endsWith(".json")).sorted().toList();
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Path file : diagrams) {
      if (test.contains(String.valueOf(file.getFileName()).split("\\.", 2)[0])) {
        addAll(examples, JsonFile.read(file));
      }
    }
    return examples;
  }

  private static void addAll(List<BenchmarkExample> examples, JsonFile json) {
    String picture = json.text(json.root(), "imageName");
    json.root()
        .path("questions")
        .properties()
        .forEach(
            e -> {
              JsonNode item = e.getValue();
              boolean letters = item.path("abcLabel").asBoolean();
              int answer = item.path("correctAnswer").asInt();
              ArrayNode choices = JsonNodeFactory.instance.arrayNode();
              item.path("answerTexts").forEach(choices::add);
              examples.add(
                  new BenchmarkExample(
                      json.id(item, "questionId"),
                      List.of(letters ? "ABC_" + picture : picture),
                      e.getKey(),
                      List.of(choices.path(answer).asText()),
                      Map.of(
                          "choices",
                          choices,
                          "answer_index",
                          IntNode.valueOf(answer),
                          "abc_label",
                          BooleanNode.valueOf(letters))));
            });
  }
}
