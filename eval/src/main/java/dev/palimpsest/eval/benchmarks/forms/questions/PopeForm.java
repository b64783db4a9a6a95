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
 * POPE (https://github.com/AoiDragon/POPE, output/coco): an object on each line, with a file for
 * each category, named by the category in the definition. Field {@code category}.
 *
 * <pre>
 * {"question_id": 1, "image": "COCO_val2014_000000310196.jpg",
 *  "text": "Is there a snowboard in the image?", "label": "yes"}
 * </pre>
 */
public final class PopeForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return files.each("category", PopeForm::read);
  }

  /** Field {@code category} is the last part of the file's name. */
  static List<BenchmarkExample> read(Path file) throws IOException {
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.jsonl?$", "");
    String category = name.substring(name.lastIndexOf('_') + 1);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, item);
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "image")),
              json.text(item, "text"),
              json.zeroOrOne(item, "label"),
              Map.of("category", TextNode.valueOf(category))));
    }
    return examples;
  }
}
