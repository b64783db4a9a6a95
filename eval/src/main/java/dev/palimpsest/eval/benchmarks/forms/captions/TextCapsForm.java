package dev.palimpsest.eval.benchmarks.forms.captions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * TextCaps (https://textvqa.org/textcaps/dataset/): an item for each caption, gathered by image.
 *
 * <pre>
 * {"data": [{"image_id": "011e7e629fb9ae7b", "image_path": "train/011e7e629fb9ae7b.jpg",
 *    "caption_str": "Five Listerine Zero mouthwash bottles on a store shelf", ...}, ...]}
 * </pre>
 */
public final class TextCapsForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    Map<String, List<String>> captions = new LinkedHashMap<>();
    for (JsonNode item : json.items()) {
      captions
          .computeIfAbsent(json.id(item, "image_id"), id -> new ArrayList<>())
          .add(json.text(item, "caption_str"));
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    captions.forEach(
        (id, texts) ->
            examples.add(new BenchmarkExample(id, List.of(id + ".jpg"), "", texts, Map.of())));
    return examples;
  }
}
