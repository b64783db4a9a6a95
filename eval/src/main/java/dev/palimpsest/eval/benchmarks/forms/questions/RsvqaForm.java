package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * RSVQA in both resolutions (https://zenodo.org/records/6344334,
 * https://zenodo.org/records/6344367): questions, and answers joined by question id; inactive ones
 * are left out. Pictures are {@code NUMBER.tif}, as the archives have them, or {@code NUMBER.png}.
 * Items have this form:
 *
 * <pre>
 * {"questions": [{"id": 0, "img_id": 0, "type": "rural_urban", "active": true,
 *    "question": "Is it a rural or an urban area", "answers_ids": [0], ...}, ...]}
 * {"answers": [{"id": 0, "question_id": 0, "answer": "urban", "active": true, ...}, ...]}
 * </pre>
 */
public final class RsvqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path answers = files.file("answers");
    JsonFile answered = JsonFile.read(answers);
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode answer : answered.list("answers")) {
      if (answer.path("active").asBoolean()) {
        byId.put(answered.id(answer, "question_id"), answer);
      }
    }
    JsonFile asked = JsonFile.read(files.file("questions"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.list("questions")) {
      if (!question.path("active").asBoolean()) {
        continue;
      }
      String id = asked.id(question, "id");
      JsonNode answer = byId.get(id);
      if (answer == null) {
        throw new BenchmarkFormatException(answers + ": no answer to question " + id);
      }
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      fields.put("question_type", question.path("type"));
      String picture = asked.id(question, "img_id");
      examples.add(
          new BenchmarkExample(
              id,
              List.of(
                  Files.exists(files.pictures().resolve(picture + ".tif"))
                      ? picture + ".tif"
                      : picture + ".png"),
              asked.text(question, "question"),
              List.of(binned(answered.text(answer, "answer"), asked.text(question, "type"))),
              fields));
    }
    return examples;
  }

  /** Areas are answered by their range, as the transfers are trained to (big_vision rsvqa_hr). */
  private static String binned(String answer, String type) {
    if (!type.equals("area") || !answer.matches("\\d+m2")) {
      return answer;
    }
    long area = Long.parseLong(answer.substring(0, answer.length() - 2));
    if (area == 0) {
      return "0 m2";
    }
    return area <= 10
        ? "between 1 m2 and 10 m2"
        : area <= 100
            ? "between 11 m2 and 100 m2"
            : area <= 1000 ? "between 101 m2 and 1000 m2" : "more than 1000 m2";
  }
}
