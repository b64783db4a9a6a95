package dev.palimpsest.eval.benchmarks.forms.videos;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * ActivityNet Captions (https://cs.stanford.edu/people/ranjaykrishna/densevid/): an object by
 * video, with an example for each segment, {@code VIDEO_0} and on.
 *
 * <pre>
 * {"v_uqiMw7tQ1Cc": {"duration": 55.15, "timestamps": [[0.28, 55.15], [13.79, 54.32]],
 *    "sentences": ["A weight lifting tutorial is given.", " The coach helps the guy in red ..."]}, ...}
 * </pre>
 */
public final class ActivityNetCaptionsForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            video -> {
              List<String> sentences = JsonFile.texts(video.getValue().path("sentences"));
              for (int i = 0; i < sentences.size(); i++) {
                String id = video.getKey() + "_" + i;
                examples.add(
                    new BenchmarkExample(
                        id, List.of(id), "", List.of(sentences.get(i).strip()), Map.of()));
              }
            });
    return examples;
  }
}
