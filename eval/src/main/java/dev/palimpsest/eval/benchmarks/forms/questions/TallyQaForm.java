package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * TallyQA (https://github.com/manoja328/TallyQA_dataset); field {@code simple} if the file has it.
 *
 * <pre>
 * [{"answer": 4, "data_source": "imported_genome", "image": "VG_100K_2/2410408.jpg",
 *   "image_id": 92410408, "issimple": false, "question_id": 30095774,
 *   "question": "How many headlights does the black bus have?"}, ...]
 * </pre>
 */
public final class TallyQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("questions"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      Map<String, JsonNode> fields = JsonFile.fields(item, "image_id", "data_source");
      if (item.has("issimple")) {
        fields.put("simple", BooleanNode.valueOf(item.path("issimple").asBoolean()));
      }
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "image")),
              json.text(item, "question"),
              json.zeroOrOne(item, "answer"),
              fields));
    }
    return examples;
  }
}
