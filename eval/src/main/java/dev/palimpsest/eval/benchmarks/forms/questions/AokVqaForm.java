package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import dev.palimpsest.mixtures.sources.CocoNames;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A-OKVQA (https://allenai.org/project/a-okvqa/home). References are the direct answers; the
 * correct choice's text is in field {@code choice}, all in {@code choices}.
 *
 * <pre>
 * [{"split": "train", "image_id": 299207, "question_id": "22MexNkBPpdZGX6sxbxVBH",
 *   "question": "What is the man by the bags awaiting?",
 *   "choices": ["skateboarder", "train", "delivery", "cab"], "correct_choice_idx": 3,
 *   "direct_answers": ["ride", "ride", "bus", "taxi", ...], "difficult_direct_answer": false}, ...]
 * </pre>
 */
public final class AokVqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      Map<String, JsonNode> fields =
          JsonFile.fields(item, "choices", "difficult_direct_answer", "split");
      if (item.has("correct_choice_idx")) {
        fields.put("answer_index", item.path("correct_choice_idx"));
        fields.put("choice", item.path("choices").path(item.path("correct_choice_idx").asInt()));
      }
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(CocoNames.picture("", json.id(item, "image_id"))),
              json.text(item, "question"),
              JsonFile.texts(item.path("direct_answers")),
              fields));
    }
    return examples;
  }
}
