package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.mixtures.formats.Csv;
import dev.palimpsest.mixtures.formats.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Benchmarks that keep a file an example, or a list of the examples of a split. */
final class FolderFiles {
  private FolderFiles() {}

  /**
   * AI2D: a file of questions a diagram. Of questions about the letters painted over a diagram's
   * words (field {@code abc_label}) the picture is {@code ABC_} and the diagram's name.
   *
   * @param questions folder of {@code NAME.png.json}
   * @param testIds numbers of the test diagrams, a line each
   */
  static List<BenchmarkExample> ai2d(Path questions, Path testIds) throws IOException {
    Set<String> test = new LinkedHashSet<>();
    TextFile.lines(testIds).forEach(line -> test.add(line.strip()));
    List<Path> files;
    try (Stream<Path> all = Files.list(questions)) {
      files = all.filter(f -> f.toString().endsWith(".json")).sorted().toList();
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Path file : files) {
      if (!test.contains(String.valueOf(file.getFileName()).split("\\.", 2)[0])) {
        continue;
      }
      JsonFile json = JsonFile.read(file);
      String picture = json.text(json.root(), "imageName");
      json.root()
          .path("questions")
          .properties()
          .forEach(
              e -> {
                JsonNode item = e.getValue();
                boolean letters = item.path("abcLabel").asBoolean();
                int answer = item.path("correctAnswer").asInt();
                ArrayNode choices = JsonNodeFactory.instance.arrayNode();
                item.path("answerTexts").forEach(choices::add);
                examples.add(
                    new BenchmarkExample(
                        json.id(item, "questionId"),
                        List.of(letters ? "ABC_" + picture : picture),
                        e.getKey(),
                        List.of(choices.path(answer).asText()),
                        Map.of(
                            "choices",
                            choices,
                            "answer_index",
                            IntNode.valueOf(answer),
                            "abc_label",
                            BooleanNode.valueOf(letters))));
              });
    }
    return examples;
  }

  /**
   * SciCap: the figures of an experiment and split, and a file of captions a figure. The reference
   * is the caption in lower case, tokenized and without the figure's number.
   *
   * @param list {@code file_idx.json}, names of pictures
   * @param captions folder of {@code NAME.json}
   */
  static List<BenchmarkExample> sciCap(Path list, Path captions) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (String picture : JsonFile.texts(JsonFile.read(list).items())) {
      String name = picture.replaceFirst("\\.png$", "");
      JsonFile json = JsonFile.read(captions.resolve(name + ".json"));
      JsonNode tokens = json.root().path("1-lowercase-and-token-and-remove-figure-index");
      examples.add(
          new BenchmarkExample(
              name, List.of(picture), "", List.of(json.text(tokens, "caption")), Map.of()));
    }
    return examples;
  }

  /** Only examples whose screen a split lists, a screen's number a line. */
  static List<BenchmarkExample> ofScreens(List<BenchmarkExample> examples, Path split)
      throws IOException {
    Set<String> screens = new LinkedHashSet<>();
    TextFile.lines(split).forEach(line -> screens.add(line.strip()));
    return examples.stream()
        .filter(e -> screens.contains(e.images().get(0).replaceFirst("\\.jpg$", "")))
        .toList();
  }

  /**
   * RSVQA: questions and answers in files of one order; inactive ones are left out.
   *
   * @param pictures folder of {@code NUMBER.tif}, as the archives have them, or of {@code .png}
   */
  static List<BenchmarkExample> rsvqa(Path questions, Path answers, Path pictures)
      throws IOException {
    JsonFile answered = JsonFile.read(answers);
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode answer : answered.list("answers")) {
      if (answer.path("active").asBoolean()) {
        byId.put(answered.id(answer, "question_id"), answer);
      }
    }
    JsonFile asked = JsonFile.read(questions);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.list("questions")) {
      if (!question.path("active").asBoolean()) {
        continue;
      }
      String id = asked.id(question, "id");
      JsonNode answer = byId.get(id);
      if (answer == null) {
        throw new BenchmarkFormatException(answers + ": no answer to question " + id);
      }
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      fields.put("question_type", question.path("type"));
      String picture = asked.id(question, "img_id");
      examples.add(
          new BenchmarkExample(
              id,
              List.of(
                  Files.exists(pictures.resolve(picture + ".tif"))
                      ? picture + ".tif"
                      : picture + ".png"),
              asked.text(question, "question"),
              List.of(binned(answered.text(answer, "answer"), asked.text(question, "type"))),
              fields));
    }
    return examples;
  }

  /** Areas are answered by their range, as the transfers are trained to (big_vision rsvqa_hr). */
  private static String binned(String answer, String type) {
    if (!type.equals("area") || !answer.matches("\\d+m2")) {
      return answer;
    }
    long area = Long.parseLong(answer.substring(0, answer.length() - 2));
    if (area == 0) {
      return "0 m2";
    }
    return area <= 10
        ? "between 1 m2 and 10 m2"
        : area <= 100
            ? "between 11 m2 and 100 m2"
            : area <= 1000 ? "between 101 m2 and 1000 m2" : "more than 1000 m2";
  }

  /**
   * MMVP: {@code Questions.csv}; questions 1 and 2 are a pair, and so on. The reference is the text
   * of the correct option; fields {@code pair}, {@code options}, {@code correct} ({@code (a)}).
   */
  static List<BenchmarkExample> mmvp(Path file) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map<String, String> row :
        Csv.read(file, "Index", "Question", "Options", "Correct Answer")) {
      String id = row.getOrDefault("Index", "");
      String options = row.getOrDefault("Options", "");
      String correct = row.getOrDefault("Correct Answer", "").strip();
      int at = options.indexOf(correct);
      if (!id.matches("\\d{1,6}") || at < 0) {
        throw new BenchmarkFormatException(
            file + ": question " + id + ": the correct answer is none of the options");
      }
      String text = options.substring(at + correct.length()).split("\\([a-z]\\)", 2)[0].strip();
      JsonNodeFactory nodes = JsonNodeFactory.instance;
      examples.add(
          new BenchmarkExample(
              id,
              List.of(id + ".jpg"),
              row.getOrDefault("Question", ""),
              List.of(text),
              Map.of(
                  "pair",
                  nodes.numberNode((Integer.parseInt(id) - 1) / 2),
                  "options",
                  nodes.textNode(options),
                  "correct",
                  nodes.textNode(correct))));
    }
    return examples;
  }
}
