package dev.palimpsest.eval.benchmarks.forms.videos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * MSRVTT-QA and MSVD-QA (https://github.com/xudejing/video-question-answering). Video 6513 is
 * {@code video6513} of MSR-VTT, {@code vid6513} of MSVD's {@code youtube_mapping.txt}.
 *
 * <pre>
 * [{"answer": "couch", "category_id": 14, "id": 158581,
 *   "question": "what are three people sitting on?", "video_id": 6513}, ...]
 * </pre>
 */
public final class VideoQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    JsonFile json = JsonFile.read(files.file("questions"));
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      String video = json.text(item, item.has("video_id") ? "video_id" : "video");
      examples.add(
          new BenchmarkExample(
              json.text(item, "id"),
              List.of(named(video, files.pictures())),
              json.text(item, "question"),
              json.zeroOrOne(item, "answer"),
              JsonFile.fields(item, "video_id")));
    }
    return examples;
  }

  private static String named(String video, Path frames) {
    if (!video.matches("\\d+")) {
      return video;
    }
    return Files.isDirectory(frames.resolve("vid" + video)) ? "vid" + video : "video" + video;
  }
}
