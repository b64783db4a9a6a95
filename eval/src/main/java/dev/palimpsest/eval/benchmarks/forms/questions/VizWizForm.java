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
 * VizWiz (https://vizwiz.org/tasks-and-datasets/vqa/). Ids are image names without their extension.
 *
 * <pre>
 * [{"image": "VizWiz_val_00000000.jpg",
 *   "question": "Ok. There is another picture I hope it is a better one.",
 *   "answers": [{"answer": ..., "answer_confidence": "yes"}, ...],
 *   "answer_type": ..., "answerable": ...}, ...]
 * </pre>
 */
public final class VizWizForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      String image = json.text(item, "image");
      examples.add(
          new BenchmarkExample(
              image.replaceFirst("\\.[^.]*$", ""),
              List.of(image),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers"), "answer"),
              JsonFile.fields(item, "answer_type", "answerable")));
    }
    return examples;
  }
}
