package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Benchmarks on videos; an example's picture is the name of the video's folder of frames. */
final class VideoFiles {
  private VideoFiles() {}

  /** MSR-VTT: videos with their split, and sentences. */
  static List<BenchmarkExample> msrVtt(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    Map<String, List<String>> captions = new LinkedHashMap<>();
    for (JsonNode sentence : json.list("sentences")) {
      captions
          .computeIfAbsent(json.text(sentence, "video_id"), id -> new ArrayList<>())
          .add(json.text(sentence, "caption"));
    }
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

  /** VATEX: English captions. */
  static List<BenchmarkExample> vatex(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode video : json.items()) {
      String id = json.text(video, "videoID");
      examples.add(
          new BenchmarkExample(id, List.of(id), "", JsonFile.texts(video.path("enCap")), Map.of()));
    }
    return examples;
  }

  /** ActivityNet Captions: an object by video; one example a segment, {@code VIDEO_0} and on. */
  static List<BenchmarkExample> activityNetCaptions(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
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

  /**
   * MSRVTT-QA and MSVD-QA: {@code [{id, video_id | video, question, answer}]}. Video 1301 is {@code
   * video1301} of MSR-VTT, {@code vid1301} of MSVD's {@code youtube_mapping.txt}.
   *
   * @param frames folder of the videos' folders
   */
  static List<BenchmarkExample> questions(Path file, Path frames) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      String video = json.text(item, item.has("video_id") ? "video_id" : "video");
      examples.add(
          new BenchmarkExample(
              json.text(item, "id"),
              List.of(named(video, frames)),
              json.text(item, "question"),
              item.hasNonNull("answer") ? List.of(json.text(item, "answer")) : List.of(),
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

  /** ActivityNet-QA: questions, and answers joined by question id. */
  static List<BenchmarkExample> activityNetQuestions(Path questions, Path answers)
      throws IOException {
    JsonFile answered = JsonFile.read(answers);
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode answer : answered.items()) {
      byId.put(answered.text(answer, "question_id"), answer);
    }
    JsonFile asked = JsonFile.read(questions);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.items()) {
      String id = asked.text(question, "question_id");
      JsonNode answer = byId.get(id);
      if (answer == null) {
        throw new BenchmarkFormatException(answers + ": no answer to question " + id);
      }
      examples.add(
          new BenchmarkExample(
              id,
              List.of("v_" + asked.text(question, "video_name").replaceFirst("^v_", "")),
              asked.text(question, "question"),
              List.of(answered.text(answer, "answer")),
              JsonFile.fields(answer, "type")));
    }
    return examples;
  }
}
