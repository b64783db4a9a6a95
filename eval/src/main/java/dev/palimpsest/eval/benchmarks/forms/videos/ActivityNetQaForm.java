package dev.palimpsest.eval.benchmarks.forms.videos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * ActivityNet-QA (https://github.com/MILVLG/activitynet-qa): questions, and answers joined by
 * question id.
 *
 * <pre>
 * [{"video_name": "1QIUV7WYKXg", "question": "is the athlete wearing trousers",
 *   "question_id": "v_1QIUV7WYKXg_3"}, ...]
 * [{"answer": "no", "type": 3, "question_id": "v_1QIUV7WYKXg_3"}, ...]
 * </pre>
 */
public final class ActivityNetQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path answers = files.file("answers");
    JsonFile answered = JsonFile.read(answers);
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode answer : answered.items()) {
      byId.put(answered.text(answer, "question_id"), answer);
    }
    JsonFile asked = JsonFile.read(files.file("questions"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.items()) {
      String id = asked.text(question, "question_id");
      JsonNode answer = byId.get(id);
      if (answer == null) {
        throw new BenchmarkFormatException(answers + ": no answer to question " + id);
      }
      examples.add(
          new BenchmarkExample(
              id,
              List.of("v_" + asked.text(question, "video_name").replaceFirst("^v_", "")),
              asked.text(question, "question"),
              List.of(answered.text(answer, "answer")),
              JsonFile.fields(answer, "type")));
    }
    return examples;
  }
}
