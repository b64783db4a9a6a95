package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * ST-VQA, any of its tasks (https://rrc.cvc.uab.es/?ch=11). The archive contains small copies of
 * the pictures of COCO-Text; if COCO's own pictures are in {@code coco/train2014}, those are used.
 * Items have this form:
 *
 * <pre>
 * {"task": 3, "data": [{"file_path": "coco-text/COCO_train2014_000000000009.jpg", "question_id": 11,
 *    "question": "What word?", "answers": ["kettle"], "dataset": "coco-text", ...}, ...]}
 * </pre>
 */
public final class StVqaForm implements BenchmarkForm {
  /** The archive's folder of COCO-Text. */
  private static final String COPIES = "coco-text/";

  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    boolean whole = Files.isDirectory(wholeSize(files));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      BenchmarkExample example =
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "file_path")),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "dataset"));
      examples.add(whole ? ofWholeSize(example, files) : example);
    }
    return examples;
  }

  /** As in big_vision (datasets/stvqa/stvqa.py:124). */
  private static BenchmarkExample ofWholeSize(BenchmarkExample example, BenchmarkFiles files) {
    String name = example.images().get(0);
    return name.startsWith(COPIES)
        ? example.withPictures(
            List.of(files.picture(wholeSize(files), name.substring(COPIES.length()))))
        : example;
  }

  private static Path wholeSize(BenchmarkFiles files) {
    return files.folder().resolve("coco/train2014");
  }

  @Override
  public List<String> notes(BenchmarkFiles files) {
    return Files.isDirectory(wholeSize(files))
        ? List.of()
        : List.of(
            "coco/train2014 is missing: pictures of COCO-Text are the archive's small copies,"
                + " where big_vision uses COCO's own");
  }
}
