package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.mixtures.formats.Csv;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Captions: COCO, NoCaps, Karpathy's splits, TextCaps, WidgetCaption, Screen2Words. */
public final class CaptionFiles {
  private CaptionFiles() {}

  /** COCO and NoCaps: {@code images} and {@code annotations}; every image that has a caption. */
  public static List<BenchmarkExample> coco(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    Map<String, List<String>> captions = new LinkedHashMap<>();
    for (JsonNode annotation : json.list("annotations")) {
      captions
          .computeIfAbsent(json.id(annotation, "image_id"), id -> new ArrayList<>())
          .add(json.text(annotation, "caption"));
    }
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

  /** Karpathy's {@code dataset_coco.json}; field {@code split}. */
  public static List<BenchmarkExample> karpathy(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode image : json.list("images")) {
      String folder = image.path("filepath").asText("");
      String name = json.text(image, "filename");
      examples.add(
          new BenchmarkExample(
              image.has("cocoid") ? json.id(image, "cocoid") : json.id(image, "imgid"),
              List.of(folder.isEmpty() ? name : folder + "/" + name),
              "",
              JsonFile.texts(image.path("sentences"), "raw"),
              JsonFile.fields(image, "split")));
    }
    return examples;
  }

  /** TextCaps: one item per caption, gathered by image. */
  public static List<BenchmarkExample> textCaps(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    Map<String, List<String>> captions = new LinkedHashMap<>();
    for (JsonNode item : json.items()) {
      captions
          .computeIfAbsent(json.id(item, "image_id"), id -> new ArrayList<>())
          .add(json.text(item, "caption_str"));
    }
    return gathered(captions, ".jpg");
  }

  /** {@code widget_captions.csv}: the captions of a widget in one cell, with bars between them. */
  public static List<BenchmarkExample> widgetCaptions(Path file) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map<String, String> row : Csv.read(file, "screenId", "nodeId", "captions")) {
      String screen = row.getOrDefault("screenId", "");
      String node = row.getOrDefault("nodeId", "");
      examples.add(
          new BenchmarkExample(
              screen + "_" + node,
              List.of(screen + ".jpg"),
              "",
              List.of(row.getOrDefault("captions", "").split("\\|", -1)),
              Map.of("screen_id", TextNode.valueOf(screen), "node_id", TextNode.valueOf(node))));
    }
    return examples;
  }

  /** {@code screen_summaries.csv}: one row per summary, gathered by screen. */
  public static List<BenchmarkExample> screenSummaries(Path file) throws IOException {
    Map<String, List<String>> summaries = new LinkedHashMap<>();
    for (Map<String, String> row : Csv.read(file, "screenId", "summary")) {
      summaries
          .computeIfAbsent(row.getOrDefault("screenId", ""), id -> new ArrayList<>())
          .add(row.getOrDefault("summary", ""));
    }
    return gathered(summaries, ".jpg");
  }

  /**
   * A file of results: {@code [{image_id, caption}]}.
   *
   * @return caption by image id
   */
  public static Map<String, String> results(Path file) throws IOException {
    return QuestionFiles.results(file, "image_id", "caption");
  }

  private static List<BenchmarkExample> gathered(Map<String, List<String>> byId, String suffix) {
    List<BenchmarkExample> examples = new ArrayList<>();
    byId.forEach(
        (id, texts) ->
            examples.add(new BenchmarkExample(id, List.of(id + suffix), "", texts, Map.of())));
    return examples;
  }
}
