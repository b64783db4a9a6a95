package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * OCR-VQA (https://ocr-vqa.github.io/): an object by book, with an example for each of its
 * questions. Field {@code split} is {@code train}, {@code val} or {@code test}. Books have this
 * form:
 *
 * <pre>
 * {"0970000000": {"imageURL": "http://.../x.gif", "title": "Kettles", "authorName": "A. Writer",
 *    "questions": ["Who wrote this book?", ...], "answers": ["A. Writer", ...], "split": 3}, ...}
 * </pre>
 */
public final class OcrVqaForm implements BenchmarkForm {
  private static final List<String> SPLITS = List.of("unknown", "train", "val", "test");

  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("dataset"));
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e -> {
              JsonNode book = e.getValue();
              String url = json.text(book, "imageURL");
              int dot = url.lastIndexOf('.');
              String ending = dot > url.lastIndexOf('/') ? url.substring(dot) : ".jpg";
              int split = book.path("split").asInt();
              String name = SPLITS.get(split >= 1 && split <= 3 ? split : 0);
              for (int i = 0; i < book.path("questions").size(); i++) {
                examples.add(
                    new BenchmarkExample(
                        e.getKey() + "_" + i,
                        List.of(e.getKey() + ending),
                        book.path("questions").get(i).asText(),
                        book.path("answers").has(i)
                            ? List.of(book.path("answers").get(i).asText())
                            : List.of(),
                        Map.of("split", TextNode.valueOf(name))));
              }
            });
    return examples;
  }
}
