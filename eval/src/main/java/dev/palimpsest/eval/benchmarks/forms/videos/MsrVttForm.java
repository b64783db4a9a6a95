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
 * MSR-VTT's captions
 * (https://www.microsoft.com/en-us/research/publication/msr-vtt-a-large-video-description-dataset-for-bridging-video-and-language/):
 * videos with their split, and sentences.
 *
 * <pre>
 * {"videos": [{"video_id": "video2960", "split": "train", ...}, ...],
 *  "sentences": [{"video_id": "video2960", "sen_id": 0,
 *    "caption": "a cartoon animals runs through an ice cave in a video game"}, ...]}
 * </pre>
 */
public final class MsrVttForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("annotations"));
    Map<String, List<String>> captions =
        json.captions("sentences", sentence -> json.text(sentence, "video_id"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode video : json.list("videos")) {
      String id = json.text(video, "video_id");
      examples.add(
          new BenchmarkExample(
              id,
              List.of(id),
              "",
              captions.getOrDefault(id, List.of()),
              JsonFile.fields(video, "split")));
    }
    return examples;
  }
}
