package dev.palimpsest.eval.benchmarks.forms.questions;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * GQA (https://cs.stanford.edu/people/dorarad/gqa/download.html): an object by question id.
 *
 * <pre>
 * {"201307251": {"question": "Is it overcast?", "imageId": "n161313", "answer": "no",
 *    "fullAnswer": "No, it is clear.", "isBalanced": true, ...}, ...}
 * </pre>
 */
public final class GqaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return read(files.file("questions"));
  }

  static List<BenchmarkExample> read(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e ->
                examples.add(
                    new BenchmarkExample(
                        e.getKey(),
                        List.of(json.id(e.getValue(), "imageId") + ".jpg"),
                        json.text(e.getValue(), "question"),
                        json.zeroOrOne(e.getValue(), "answer"),
                        JsonFile.fields(e.getValue(), "fullAnswer", "isBalanced"))));
    return examples;
  }
}
