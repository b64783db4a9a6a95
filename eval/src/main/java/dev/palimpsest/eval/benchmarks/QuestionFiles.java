package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.mixtures.CocoNames;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Questions about images, in the form of each benchmark. */
public final class QuestionFiles {
  private QuestionFiles() {}

  /**
   * VQAv2 and OK-VQA: questions, and annotations joined by question id. Of OK-VQA the references
   * are the authors' normalised answers; the raw ones are in field {@code raw_answers}.
   */
  public static List<BenchmarkExample> vqa(Path questions, Path annotations) throws IOException {
    JsonFile asked = JsonFile.read(questions);
    Map<String, JsonNode> answered = annotations(JsonFile.read(annotations));
    String subtype = asked.root().path("data_subtype").asText("");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.list("questions")) {
      String id = asked.id(question, "question_id");
      JsonNode annotation = answered.get(id);
      if (annotation == null) {
        throw new BenchmarkFormatException(
            annotations + ": no annotation of question " + id + " of " + questions);
      }
      examples.add(
          example(
              id,
              asked.id(question, "image_id"),
              subtype,
              asked.text(question, "question"),
              annotation));
    }
    return examples;
  }

  /** Questions of a split whose answers are kept back. */
  public static List<BenchmarkExample> vqa(Path questions) throws IOException {
    JsonFile asked = JsonFile.read(questions);
    String subtype = asked.root().path("data_subtype").asText("");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode question : asked.list("questions")) {
      examples.add(
          new BenchmarkExample(
              asked.id(question, "question_id"),
              List.of(CocoNames.picture(subtype, asked.id(question, "image_id"))),
              asked.text(question, "question"),
              List.of(),
              JsonFile.fields(question, "image_id")));
    }
    return examples;
  }

  /** Annotations alone, without the questions' texts. */
  public static List<BenchmarkExample> vqaAnnotations(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    String subtype = json.root().path("data_subtype").asText("");
    List<BenchmarkExample> examples = new ArrayList<>();
    annotations(json)
        .forEach(
            (id, annotation) ->
                examples.add(
                    example(id, json.id(annotation, "image_id"), subtype, "", annotation)));
    return examples;
  }

  private static Map<String, JsonNode> annotations(JsonFile json) {
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    for (JsonNode annotation : json.list("annotations")) {
      byId.put(json.id(annotation, "question_id"), annotation);
    }
    return byId;
  }

  private static BenchmarkExample example(
      String id, String image, String subtype, String question, JsonNode annotation) {
    Map<String, JsonNode> fields =
        JsonFile.fields(annotation, "image_id", "answer_type", "question_type");
    JsonNode answers = annotation.path("answers");
    if (answers.path(0).has("raw_answer")) {
      ArrayNode raw = JsonNodeFactory.instance.arrayNode();
      answers.forEach(a -> raw.add(a.path("raw_answer")));
      fields.put("raw_answers", raw);
    }
    return new BenchmarkExample(
        id,
        List.of(CocoNames.picture(subtype, image)),
        question,
        JsonFile.texts(answers, "answer"),
        fields);
  }

  /** TextVQA. */
  public static List<BenchmarkExample> textVqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.id(item, "image_id") + ".jpg"),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "image_id", "ocr_tokens")));
    }
    return examples;
  }

  /** VizWiz. Ids are image names without their ending. */
  public static List<BenchmarkExample> vizWiz(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      String image = json.text(item, "image");
      examples.add(
          new BenchmarkExample(
              image.replaceFirst("\\.[^.]*$", ""),
              List.of(image),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers"), "answer"),
              JsonFile.fields(item, "answer_type", "answerable")));
    }
    return examples;
  }

  /** DocVQA and InfographicVQA. */
  public static List<BenchmarkExample> docVqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              json.id(item, "questionId"),
              List.of(json.text(item, item.has("image") ? "image" : "image_local_name")),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "question_types", "answer_type")));
    }
    return examples;
  }

  /** ST-VQA, any of its tasks. */
  public static List<BenchmarkExample> stVqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "file_path")),
              json.text(item, "question"),
              JsonFile.texts(item.path("answers")),
              JsonFile.fields(item, "dataset")));
    }
    return examples;
  }

  /**
   * ChartQA: one file for people's questions, one for generated ones; field {@code split} is {@code
   * human_test} for {@code test_human.json}.
   */
  public static List<BenchmarkExample> chartQa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.json$", "");
    String split = name.replaceFirst("^(.*)_(human|augmented)$", "$2_$1");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      examples.add(
          new BenchmarkExample(
              split + "_" + examples.size(),
              List.of(json.text(item, "imgname")),
              json.text(item, "query"),
              item.has("label") ? List.of(json.text(item, "label")) : List.of(),
              Map.of("split", TextNode.valueOf(split))));
    }
    return examples;
  }

  /** GQA: an object by question id. */
  public static List<BenchmarkExample> gqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e ->
                examples.add(
                    new BenchmarkExample(
                        e.getKey(),
                        List.of(json.id(e.getValue(), "imageId") + ".jpg"),
                        json.text(e.getValue(), "question"),
                        one(json, e.getValue(), "answer"),
                        JsonFile.fields(e.getValue(), "fullAnswer", "isBalanced"))));
    return examples;
  }

  /**
   * A-OKVQA. References are the direct answers; the correct choice's text is in field {@code
   * choice}, all in {@code choices}.
   */
  public static List<BenchmarkExample> aokVqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      Map<String, JsonNode> fields =
          JsonFile.fields(item, "choices", "difficult_direct_answer", "split");
      if (item.has("correct_choice_idx")) {
        fields.put("answer_index", item.path("correct_choice_idx"));
        fields.put("choice", item.path("choices").path(item.path("correct_choice_idx").asInt()));
      }
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(CocoNames.picture("", json.id(item, "image_id"))),
              json.text(item, "question"),
              JsonFile.texts(item.path("direct_answers")),
              fields));
    }
    return examples;
  }

  /** ScienceQA: an object by problem id; the reference is the correct choice's text. */
  public static List<BenchmarkExample> scienceQa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e -> {
              JsonNode item = e.getValue();
              Map<String, JsonNode> fields =
                  JsonFile.fields(item, "choices", "hint", "split", "subject", "lecture");
              int answer = item.path("answer").asInt(-1);
              if (answer >= 0) {
                fields.put("answer_index", IntNode.valueOf(answer));
              }
              examples.add(
                  new BenchmarkExample(
                      e.getKey(),
                      one(json, item, "image"),
                      json.text(item, "question"),
                      answer < 0 ? List.of() : List.of(item.path("choices").path(answer).asText()),
                      fields));
            });
    return examples;
  }

  /** TallyQA; field {@code simple} where the file tells. */
  public static List<BenchmarkExample> tallyQa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : json.items()) {
      Map<String, JsonNode> fields = JsonFile.fields(item, "image_id", "data_source");
      if (item.has("issimple")) {
        fields.put("simple", BooleanNode.valueOf(item.path("issimple").asBoolean()));
      }
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "image")),
              json.text(item, "question"),
              one(json, item, "answer"),
              fields));
    }
    return examples;
  }

  /** OCR-VQA: an object by book; one example per question of a book. */
  public static List<BenchmarkExample> ocrVqa(Path file) throws IOException {
    JsonFile json = JsonFile.read(file);
    List<String> splits = List.of("", "train", "val", "test");
    List<BenchmarkExample> examples = new ArrayList<>();
    json.root()
        .properties()
        .forEach(
            e -> {
              JsonNode book = e.getValue();
              String url = json.text(book, "imageURL");
              int dot = url.lastIndexOf('.');
              String ending = dot > url.lastIndexOf('/') ? url.substring(dot) : ".jpg";
              int split = book.path("split").asInt();
              for (int i = 0; i < book.path("questions").size(); i++) {
                examples.add(
                    new BenchmarkExample(
                        e.getKey() + "_" + i,
                        List.of(e.getKey() + ending),
                        book.path("questions").get(i).asText(),
                        book.path("answers").has(i)
                            ? List.of(book.path("answers").get(i).asText())
                            : List.of(),
                        Map.of(
                            "split",
                            TextNode.valueOf(
                                split >= 1 && split <= 3 ? splits.get(split) : "unknown"))));
              }
            });
    return examples;
  }

  /** NLVR2, an object per line; the two images' names follow from the identifier. */
  public static List<BenchmarkExample> nlvr2(Path file) throws IOException {
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
              one(json, item, "label"),
              Map.of()));
    }
    return examples;
  }

  /** POPE, an object per line; field {@code category} is the last part of the file's name. */
  public static List<BenchmarkExample> pope(Path file) throws IOException {
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.jsonl?$", "");
    String category = name.substring(name.lastIndexOf('_') + 1);
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, item);
      examples.add(
          new BenchmarkExample(
              json.id(item, "question_id"),
              List.of(json.text(item, "image")),
              json.text(item, "text"),
              one(json, item, "label"),
              Map.of("category", TextNode.valueOf(category))));
    }
    return examples;
  }

  /**
   * JSON lines of one's own: {@code id}, {@code image} (a name or a list), {@code question}, {@code
   * references} (a text or a list); everything else is a field.
   */
  public static List<BenchmarkExample> jsonLines(Path file) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (JsonNode item : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, item);
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      item.properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
      List.of("id", "image", "question", "references").forEach(fields::remove);
      examples.add(
          new BenchmarkExample(
              json.id(item, "id"),
              JsonFile.oneOrMany(item.path("image")),
              item.path("question").asText(""),
              JsonFile.oneOrMany(item.path("references")),
              fields));
    }
    return examples;
  }

  /**
   * A file of results: {@code [{question_id, answer}]}.
   *
   * @return answer by question id
   */
  public static Map<String, String> results(Path file) throws IOException {
    return results(file, "question_id", "answer");
  }

  static Map<String, String> results(Path file, String id, String answer) throws IOException {
    JsonFile json = JsonFile.read(file);
    Map<String, String> byId = new LinkedHashMap<>();
    for (JsonNode item : json.items()) {
      byId.put(json.id(item, id), json.text(item, answer));
    }
    return byId;
  }

  private static List<String> one(JsonFile json, JsonNode item, String key) {
    return item.hasNonNull(key) ? List.of(json.text(item, key)) : List.of();
  }
}
