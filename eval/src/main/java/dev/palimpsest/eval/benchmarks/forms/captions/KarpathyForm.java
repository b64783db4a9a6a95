package dev.palimpsest.eval.benchmarks.forms.captions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Karpathy's splits of COCO, {@code dataset_coco.json}
 * (https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip); field {@code
 * split}.
 *
 * <pre>
 * {"images": [{"filepath": "val2014", "filename": "COCO_val2014_000000391895.jpg", "imgid": 0,
 *    "split": "test", "cocoid": 391895, "sentences": [{"sentid": 770337,
 *      "raw": "A man with a red helmet on a small moped on a dirt road. "}, ...]}, ...]}
 * </pre>
 */
public final class KarpathyForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return read(files.file("dataset"));
  }

  static List<BenchmarkExample> read(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode image : json.list("images")) {
      String folder = image.path("filepath").asText("");
      String name = json.text(image, "filename");
      examples.add(
          new BenchmarkExample(
              image.has("cocoid") ? json.id(image, "cocoid") : json.id(image, "imgid"),
              List.of(folder.isEmpty() ? name : folder + "/" + name),
              "",
              JsonFile.texts(image.path("sentences"), "raw"),
              JsonFile.fields(image, "split")));
    }
    return examples;
  }
}
