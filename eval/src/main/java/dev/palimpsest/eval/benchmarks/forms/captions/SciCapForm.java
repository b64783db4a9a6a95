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
import java.util.Map;

/**
 * SciCap (https://github.com/tingyaohsu/SciCap): a list of the figures of an experiment and split,
 * and a folder with a file of captions for each figure. The reference is the caption in lower case,
 * tokenized and without the figure's number.
 *
 * <pre>
 * ["1001.0025v1-Figure2-1.png", ...]
 * {"figure-ID": "1001.0025v1-Figure2-1.png",
 *  "0-originally-extracted": "Figure 2: Impact of the replay attack, as a function of ...",
 *  "1-lowercase-and-token-and-remove-figure-index": {
 *    "caption": "impact of the replay attack , as a function of ..."}, ...}
 * </pre>
 */
public final class SciCapForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path captions = files.file("captions");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (String picture : JsonFile.texts(JsonFile.read(files.file("list")).items())) {
      String name = picture.replaceFirst("\\.png$", "");
      JsonFile json = JsonFile.read(captions.resolve(name + ".json"));
      JsonNode tokens = json.root().path("1-lowercase-and-token-and-remove-figure-index");
      examples.add(
          new BenchmarkExample(
              name, List.of(picture), "", List.of(json.text(tokens, "caption")), Map.of()));
    }
    return examples;
  }
}
