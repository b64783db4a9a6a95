package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * xGQA (https://github.com/adapter-hub/xGQA): GQA's form, with a file for each language, named by
 * the language's code in the definition. Field {@code language}.
 *
 * <pre>
 * {"201307251": {"question": ..., "imageId": "n161313", "answer": "no", ...}, ...}
 * </pre>
 */
public final class XGqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.all().entrySet()) {
      String language = file.getKey();
      for (BenchmarkExample example : GqaForm.read(file.getValue())) {
        examples.add(
            example.with(
                example.id() + "_" + language, Map.of("language", TextNode.valueOf(language))));
      }
    }
    return examples;
  }
}
