package dev.palimpsest.eval.benchmarks.forms.videos;

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
 * VATEX (https://eric-xw.github.io/vatex-website/download.html): English captions. A clip's id is
 * that of its video, followed by the seconds at which it begins and ends.
 *
 * <pre>
 * [{"videoID": "Ptf_2VRj-V0_000122_000132", "enCap": [...], ...}, ...]
 * </pre>
 */
public final class VatexForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode video : json.items()) {
      String id = json.text(video, "videoID");
      examples.add(
          new BenchmarkExample(id, List.of(id), "", JsonFile.texts(video.path("enCap")), Map.of()));
    }
    return examples;
  }
}
