package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Benchmarks in several languages; each example has a field {@code language}. */
final class MultilingualFiles {
  private MultilingualFiles() {}

  /** Crossmodal-3600: a line a picture, its captions under each language's code. */
  static List<BenchmarkExample> crossmodal(Path file) throws IOException {
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
                          language(e.getKey())));
                }
              });
    }
    return examples;
  }

  /**
   * COCO-35L: a line a translated caption. English captions, from which the others were translated,
   * are taken beside the German ones, as big_vision takes them.
   *
   * @param karpathy names of the pictures
   */
  static List<BenchmarkExample> coco35l(Path file, Path karpathy) throws IOException {
    Map<String, String> pictures = new LinkedHashMap<>();
    CaptionFiles.karpathy(karpathy).forEach(e -> pictures.put(e.id(), e.images().get(0)));
    Map<String, Map<String, List<String>>> captions = new TreeMap<>();
    for (JsonNode line : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, line);
      String image = json.id(line, "image_id").split("_", 2)[0];
      String target = json.text(line, "trg_lang");
      add(captions, target, image, json.text(line, "translation_tokenized"));
      if (target.equals("de")) {
        add(captions, "en", image, json.text(line, "caption_tokenized"));
      }
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    captions.forEach(
        (language, byImage) ->
            byImage.forEach(
                (image, texts) ->
                    examples.add(
                        new BenchmarkExample(
                            image + "_" + language,
                            List.of(picture(pictures, image, karpathy)),
                            "",
                            texts,
                            language(language)))));
    return examples;
  }

  private static void add(
      Map<String, Map<String, List<String>>> captions, String language, String image, String text) {
    captions
        .computeIfAbsent(language, l -> new LinkedHashMap<>())
        .computeIfAbsent(image, i -> new ArrayList<>())
        .add(text);
  }

  private static String picture(Map<String, String> pictures, String image, Path file) {
    String name =
        image.matches("\\d{1,12}") ? pictures.get(Long.toString(Long.parseLong(image))) : null;
    if (name == null) {
      throw new BenchmarkFormatException(file + ": there is no image " + image);
    }
    return name;
  }

  /** xGQA: GQA's form, a file a language. */
  static List<BenchmarkExample> xGqa(Map<String, Path> byLanguage) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : byLanguage.entrySet()) {
      for (BenchmarkExample example : QuestionFiles.gqa(file.getValue())) {
        examples.add(example.with(example.id() + "_" + file.getKey(), language(file.getKey())));
      }
    }
    return examples;
  }

  /**
   * MaRVL: an object per line, a file a language. Pictures are {@code
   * LANGUAGE/images/CONCEPT/NAME}, as the archive has them; without a folder a concept where the
   * line names none.
   */
  static List<BenchmarkExample> marvl(Map<String, Path> byLanguage) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : byLanguage.entrySet()) {
      int number = 0;
      for (JsonNode line : JsonFile.readLines(file.getValue())) {
        JsonFile json = new JsonFile(file.getValue(), line);
        String id = line.hasNonNull("id") ? json.id(line, "id") : file.getKey() + "-" + number;
        number++;
        String label = line.path("label").asText();
        String concept = line.path("concept").asText("");
        String pictures = file.getKey() + "/images/" + (concept.isEmpty() ? "" : concept + "/");
        examples.add(
            new BenchmarkExample(
                id,
                List.of(
                    pictures + json.text(line, "left_img"),
                    pictures + json.text(line, "right_img")),
                json.text(line, "caption"),
                // A JSON boolean and the text are one answer: True.
                label.isEmpty()
                    ? List.of()
                    : List.of(label.equalsIgnoreCase("true") ? "True" : "False"),
                language(file.getKey())));
      }
    }
    return examples;
  }

  private static Map<String, JsonNode> language(String code) {
    return Map.of("language", TextNode.valueOf(code));
  }
}
