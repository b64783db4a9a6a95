package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
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
 * ChartQA (https://github.com/vis-nlp/ChartQA): a file for people's questions and one for generated
 * ones. Field {@code split} is the file's name in the definition.
 *
 * <pre>
 * [{"imgname": "41699051005347.png", "query": "How many food item is shown in the bar graph?",
 *   "label": "14"}, ...]
 * </pre>
 */
public final class ChartQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return files.each("split", ChartQaForm::read);
  }

  /** Field {@code split} is {@code human_test} for {@code test_human.json}. */
  static List<BenchmarkExample> read(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.json$", "");
    String split = name.replaceFirst("^(.*)_(human|augmented)$", "$2_$1");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              split + "_" + examples.size(),
              List.of(json.text(item, "imgname")),
              json.text(item, "query"),
              item.has("label") ? List.of(json.text(item, "label")) : List.of(),
              Map.of("split", TextNode.valueOf(split))));
    }
    return examples;
  }
}
