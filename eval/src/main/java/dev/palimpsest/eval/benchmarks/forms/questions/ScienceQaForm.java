package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
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
 * ScienceQA (https://scienceqa.github.io/): an object by problem id, of which those with a picture
 * are examples. The reference is the correct choice's text.
 *
 * <pre>
 * {"1": {"question": "Which of these states is farthest north?", "answer": 0, "hint": "",
 *    "choices": ["West Virginia", "Louisiana", "Arizona", "Oklahoma"], "image": "image.png",
 *    "subject": "social science", "split": "train", ...}, ...}
 * </pre>
 */
public final class ScienceQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (BenchmarkExample problem : problems(files.file("problems"))) {
      if (!problem.images().isEmpty()) {
        examples.add(problem.withImages(List.of(problem.id() + "/" + problem.images().get(0))));
      }
    }
    return examples;
  }

  /** All problems; a picture's name is that within the problem's own folder. */
  static List<BenchmarkExample> problems(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e -> {
              JsonNode item = e.getValue();
              Map<String, JsonNode> fields =
                  JsonFile.fields(item, "choices", "hint", "split", "subject", "lecture");
              int answer = item.path("answer").asInt(-1);
              if (answer >= 0) {
                fields.put("answer_index", IntNode.valueOf(answer));
              }
              examples.add(
                  new BenchmarkExample(
                      e.getKey(),
                      json.zeroOrOne(item, "image"),
                      json.text(item, "question"),
                      answer < 0 ? List.of() : List.of(item.path("choices").path(answer).asText()),
                      fields));
            });
    return examples;
  }
}
