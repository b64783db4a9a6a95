package dev.palimpsest.eval.benchmarks.forms.captions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * COCO's captions (https://cocodataset.org/#download) and, in the same form, those of NoCaps
 * (https://nocaps.org/download): an example for every image that has a caption.
 *
 * <pre>
 * {"images": [{"file_name": "000000397133.jpg", "height": 427, "width": 640, "id": 397133}, ...],
 *  "annotations": [{"image_id": 179765, "id": 38,
 *    "caption": "A black Honda motorcycle parked in front of a garage."}, ...]}
 * </pre>
 */
public final class CocoCaptionsForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    Map<String, List<String>> captions =
        json.captions("annotations", annotation -> json.id(annotation, "image_id"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode image : json.list("images")) {
      String id = json.id(image, "id");
      if (captions.containsKey(id)) {
        examples.add(
            new BenchmarkExample(
                id,
                List.of(json.text(image, "file_name")),
                "",
                captions.getOrDefault(id, List.of()),
                JsonFile.fields(image, "width", "height")));
      }
    }
    return examples;
  }
}
