package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import dev.palimpsest.mixtures.sources.CocoNames;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * VQAv2 (https://visualqa.org/download.html) and, in the same form, OK-VQA
 * (https://okvqa.allenai.org/download.html): questions, and annotations joined by question id. For
 * OK-VQA the references are the authors' normalised answers; the raw ones are in field {@code
 * raw_answers}.
 *
 * <pre>
 * {"data_subtype": "val2014", "questions": [
 *    {"image_id": 262148, "question": "Where is he looking?", "question_id": 262148000}, ...]}
 * {"data_subtype": "val2014", "annotations": [
 *    {"question_type": "none of the above", "image_id": 262148, "answer_type": "other",
 *     "question_id": 262148000, "multiple_choice_answer": "down",
 *     "answers": [{"answer": "down", "answer_confidence": "yes", "answer_id": 1}, ...]}, ...]}
 * </pre>
 */
public final class VqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path questions = files.file("questions");
    Path annotations = files.file("annotations");
    JsonFile asked = JsonFile.read(questions);
    JsonFile answered = JsonFile.read(annotations);
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode annotation : answered.list("annotations")) {
      byId.put(answered.id(annotation, "question_id"), annotation);
    }
    String subtype = asked.root().path("data_subtype").asText("");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.list("questions")) {
      String id = asked.id(question, "question_id");
      JsonNode annotation = byId.get(id);
      if (annotation == null) {
        throw new BenchmarkFormatException(
            annotations + ": no annotation of question " + id + " of " + questions);
      }
      examples.add(
          new BenchmarkExample(
              id,
              List.of(CocoNames.picture(subtype, asked.id(question, "image_id"))),
              asked.text(question, "question"),
              JsonFile.texts(annotation.path("answers"), "answer"),
              fields(annotation)));
    }
    return examples;
  }

  private static Map<String, JsonNode> fields(JsonNode annotation) {
    Map<String, JsonNode> fields =
        JsonFile.fields(annotation, "image_id", "answer_type", "question_type");
    JsonNode answers = annotation.path("answers");
    if (answers.path(0).has("raw_answer")) {
      ArrayNode raw = JsonNodeFactory.instance.arrayNode();
      answers.forEach(a -> raw.add(a.path("raw_answer")));
      fields.put("raw_answers", raw);
    }
    return fields;
  }
}
