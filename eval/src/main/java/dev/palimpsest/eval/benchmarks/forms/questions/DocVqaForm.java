package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * DocVQA and InfographicVQA (https://rrc.cvc.uab.es/?ch=17); the latter's key for the picture is
 * {@code image_local_name}.
 *
 * <pre>
 * {"data": [{"questionId": 49153, "question_types": ["figure/diagram"], "docId": 14465,
 *    "question": "What is the ‘actual’ value per 1000, during the year 1975?",
 *    "image": "documents/pybv0228_81.png", "answers": ["0.28"], "data_split": "val", ...}, ...]}
 * </pre>
 */
public final class DocVqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              json.id(item, "questionId"),
              List.of(json.text(item, item.has("image") ? "image" : "image_local_name")),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "question_types", "answer_type")));
    }
    return examples;
  }
}
