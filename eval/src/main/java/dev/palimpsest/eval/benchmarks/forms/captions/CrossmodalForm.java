package dev.palimpsest.eval.benchmarks.forms.captions;

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
 * Crossmodal-3600 (https://google.github.io/crossmodal-3600/): a line for each picture, with its
 * captions under each language's code; an example for each language, with field {@code language}.
 * Lines have this form:
 *
 * <pre>
 * {"image/key": "00a1", "image/locale": "de", "de": {"caption": ["ein Kessel", "Kessel"], ...},
 *  "en": {"caption": ["a kettle"], ...}, ...}
 * </pre>
 */
public final class CrossmodalForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path file = files.file("captions");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode line : JsonFile.readLines(file)) {
      String key = new JsonFile(file, line).text(line, "image/key");
      line.properties()
          .forEach(
              e -> {
                if (e.getValue().path("caption").isArray()) {
                  examples.add(
                      new BenchmarkExample(
                          key + "_" + e.getKey(),
                          List.of(key + ".jpg"),
                          "",
                          JsonFile.texts(e.getValue().path("caption")),
                          Map.of("language", TextNode.valueOf(e.getKey()))));
                }
              });
    }
    return examples;
  }
}
