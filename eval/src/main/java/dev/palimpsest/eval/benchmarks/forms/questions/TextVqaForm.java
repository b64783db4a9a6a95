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
 * TextVQA (https://textvqa.org/dataset/).
 *
 * <pre>
 * {"data": [{"question": "what is the brand of this camera?", "image_id": "003a8ae2ef43b901",
 *    "question_id": 34602, "answers": ["nous les gosses", "dakota", "clos culombu", ...], ...}, ...]}
 * </pre>
 */
public final class TextVqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.id(item, "image_id") + ".jpg"),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "image_id", "ocr_tokens")));
    }
    return examples;
  }
}
