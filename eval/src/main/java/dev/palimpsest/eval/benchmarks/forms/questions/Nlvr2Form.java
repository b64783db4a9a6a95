package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * NLVR2 (https://github.com/lil-lab/nlvr, nlvr2/data): an object on each line; the two images'
 * names follow from the identifier.
 *
 * <pre>
 * {"sentence": "There is an empty glass.", "left_url": ..., "right_url": ..., "label": "False",
 *  "identifier": "test1-0-1-0", ...}
 * </pre>
 */
public final class Nlvr2Form implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path file = files.file("questions");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, item);
      String id = json.text(item, "identifier");
      int last = id.lastIndexOf('-');
      if (last < 0) {
        throw new BenchmarkFormatException(
            file + ": identifier must read split-set-pair-sentence, got " + id);
      }
      String pair = id.substring(0, last);
      examples.add(
          new BenchmarkExample(
              id,
              List.of(pair + "-img0.png", pair + "-img1.png"),
              json.text(item, "sentence"),
              json.zeroOrOne(item, "label"),
              Map.of()));
    }
    return examples;
  }
}
