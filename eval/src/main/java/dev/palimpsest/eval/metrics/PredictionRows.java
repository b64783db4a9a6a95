package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.JsonValues;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a file of predictions or references, converted to the form of {@link Predictions},
 * whichever program wrote the file:
 *
 * <pre>
 * {"id": 7, "prediction": "teal", "references": ["teal"]}           ours, a line each
 * [{"question_id": 7, "answer": "teal"}]                            VQA's results
 * [{"question_id": 7, "answer": "teal", "gts": ["teal"]}]           what big_vision's evaluators write
 * [{"image_id": 7, "caption": "A kettle."}]                         COCO's results
 * {"index": 7, "prediction": "teal", "answer": "teal"}              VLMEvalKit's, where it writes JSON
 * {"doc_id": 7, "doc": {...}, "target": "teal", "filtered_resps": ["teal"]}   lmms-eval's samples
 * [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.5}]   COCO's detections, a row for each box
 * {"images": [{"id": 7}], "annotations": [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9]}]}   its instances
 * {"annotations": [{"image_id": 7, "caption": "A kettle."}]}        COCO's captions
 * {"annotations": [{"question_id": 7, "answers": [{"answer": "teal"}]}]}      VQA's annotations
 * </pre>
 *
 * A list may be one JSON array or one object per line.
 */
final class PredictionRows {
  private static final String WANTED =
      "expected JSON lines with \"id\", \"prediction\" and \"references\"";

  /** Shapes that can be asked for. */
  enum Shape {
    COCO("an \"image_id\" with a \"caption\", or with \"category_id\", \"bbox\" and \"score\""),
    VQA("a \"question_id\" with an \"answer\""),
    LMMS_EVAL("a \"doc_id\" with \"filtered_resps\" or \"resps\"");

    private final String words;

    Shape(String words) {
      this.words = words;
    }

    private boolean isThatOf(JsonNode row) {
      return switch (this) {
        case COCO -> row.has("image_id") && (row.has("caption") || isDetection(row));
        case VQA -> row.has("question_id") && row.has("answer");
        case LMMS_EVAL -> row.has("doc_id") && (row.has("filtered_resps") || row.has("resps"));
      };
    }
  }

  private static boolean isDetection(JsonNode row) {
    return row.has("image_id") && row.has("category_id") && row.has("bbox");
  }

  /**
   * Checks that the first row of a file has a shape.
   *
   * @throws MetricInputException when it has another one
   */
  static void require(Shape shape, Path file) throws IOException {
    requireNoSheet(file);
    String line = firstLine(file);
    JsonNode first =
        line.startsWith("[")
            ? parsed(file.toString(), Files.readString(file)).path(0)
            : parsed(file + ":1", line);
    if (!shape.isThatOf(first)) {
      throw new MetricInputException(
          "%s: expected %s, got %s".formatted(file, shape.words, abridged(first)));
    }
  }

  /** A row and its position. */
  record Row(String where, ObjectNode object) {}

  private PredictionRows() {}

  /**
   * All rows.
   *
   * @throws MetricInputException naming the file and line of a mistake, or what the file is instead
   */
  static List<Row> read(Path file) throws IOException {
    try {
      return rows(file);
    } catch (CharacterCodingException e) {
      throw new MetricInputException(file + ": not UTF-8");
    }
  }

  private static List<Row> rows(Path file) throws IOException {
    requireNoSheet(file);
    String first = firstLine(file);
    if (first.startsWith("[")) {
      return ofArray(file, parsed(file.toString(), Files.readString(file)));
    }
    JsonNode object = objectOrNull(first);
    if (first.startsWith("{")
        && (object == null
            || (!object.has("id")
                && (object.has("annotations") || object.at("/images/0").has("id"))))) {
      // One object over several lines, or lines with a mistake in the first.
      JsonNode whole = objectOrNull(withoutMark(Files.readString(file)));
      if (whole != null) {
        return ofAnnotations(file, whole);
      }
    }
    if (object == null && first.matches("[^{]*[\t,].*") && first.contains("prediction")) {
      throw new MetricInputException(
          "%s: a table; %s: of VLMEvalKit's columns, index is the id, answer the reference"
              .formatted(file, WANTED));
    }
    return ofLines(file);
  }

  /** The first line that is not blank; empty if there is none. */
  private static String firstLine(Path file) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      String line = reader.readLine();
      while (line != null && withoutMark(line).isBlank()) {
        line = reader.readLine();
      }
      return line == null ? "" : withoutMark(line).strip();
    }
  }

  /** Excel's files are archives, which begin with PK. */
  private static void requireNoSheet(Path file) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(file)) {
      start = in.readNBytes(2);
    }
    if (start.length == 2 && start[0] == 'P' && start[1] == 'K') {
      throw new MetricInputException(
          ("%s: an Excel file, as VLMEvalKit writes; %s: of its columns, index is the id, answer the"
                  + " reference")
              .formatted(file, WANTED));
    }
  }

  private static List<Row> ofLines(Path file) throws IOException {
    List<Row> rows = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      int number = 0;
      for (String text = reader.readLine(); text != null; text = reader.readLine()) {
        String where = file + ":" + ++number;
        String line = number == 1 ? withoutMark(text) : text;
        if (!line.isBlank()) {
          rows.add(row(where, parsed(where, line)));
        }
      }
    }
    return rows;
  }

  private static List<Row> ofArray(Path file, JsonNode array) {
    if (isDetection(array.path(0)) && array.path(0).has("score")) {
      return byImage(file, array, "detections");
    }
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < array.size(); i++) {
      rows.add(row("%s: item %d".formatted(file, i + 1), array.get(i)));
    }
    return rows;
  }

  /** COCO's boxes, of which each names its image, as a row for each image. */
  private static List<Row> byImage(Path file, JsonNode boxes, String field) {
    Map<String, ObjectNode> images = new LinkedHashMap<>();
    for (JsonNode box : boxes) {
      if (!isDetection(box)) {
        throw new MetricInputException(
            "%s: expected boxes with image_id, category_id and bbox, got %s"
                .formatted(file, abridged(box)));
      }
      image(images, JsonValues.id(box.path("image_id"))).withArray("/" + field).add(box);
    }
    return rowsOf(file, images);
  }

  private static ObjectNode image(Map<String, ObjectNode> images, String id) {
    return images.computeIfAbsent(id, i -> Json.PYTHON.createObjectNode().put("id", i));
  }

  private static List<Row> rowsOf(Path file, Map<String, ObjectNode> byId) {
    List<Row> rows = new ArrayList<>();
    byId.forEach((id, object) -> rows.add(new Row(file + ": annotations of " + id, object)));
    return rows;
  }

  /** COCO's instances: also images without any have a row. */
  private static List<Row> ofInstances(Path file, JsonNode whole) {
    Map<String, ObjectNode> images = new LinkedHashMap<>();
    for (JsonNode image : whole.path("images")) {
      image(images, JsonValues.id(image.path("id"))).putArray("annotations");
    }
    for (Row row : byImage(file, whole.path("annotations"), "annotations")) {
      image(images, row.object().path("id").asText())
          .set("annotations", row.object().path("annotations"));
    }
    return rowsOf(file, images);
  }

  private static List<Row> ofAnnotations(Path file, JsonNode whole) {
    if (!whole.path("annotations").isArray()) {
      throw new MetricInputException(
          whole.has("results") && whole.has("configs")
              ? file
                  + ": this is lmms-eval's summary, which has no predictions; use its"
                  + " ..._samples_TASK.jsonl, which --log_samples writes"
              : whole.path("images").isArray()
                  ? file
                      + ": COCO's images without annotations, as image_info_test-dev2017.json has them, whose"
                      + " answers are not public; use a split that has a file of annotations"
                  : "%s: one JSON object; %s, or a list of such objects".formatted(file, WANTED));
    }
    JsonNode first = whole.path("annotations").path(0);
    if (whole.has("images") && (first.isMissingNode() || isDetection(first))) {
      return ofInstances(file, whole);
    }
    Map<String, ObjectNode> byId = new LinkedHashMap<>();
    for (JsonNode annotation : whole.path("annotations")) {
      boolean caption = annotation.has("caption") && annotation.has("image_id");
      if (!caption && !(annotation.has("question_id") && annotation.path("answers").isArray())) {
        throw new MetricInputException(
            file
                + ": an annotation is neither a caption nor answers to a question nor a box: "
                + abridged(annotation));
      }
      String id = JsonValues.id(annotation.path(caption ? "image_id" : "question_id"));
      ObjectNode object =
          byId.computeIfAbsent(id, i -> Json.PYTHON.createObjectNode().put("id", i));
      ArrayNode references = object.withArray("/references");
      if (caption) {
        references.add(annotation.path("caption").asText());
      } else {
        texts(annotation.path("answers")).forEach(references::add);
        for (String field : List.of("answer_type", "question_type", "image_id")) {
          if (annotation.has(field)) {
            object.set(field, annotation.path(field));
          }
        }
      }
    }
    return rowsOf(file, byId);
  }

  // ---- One row

  private static Row row(String where, JsonNode node) {
    if (!(node instanceof ObjectNode object)) {
      throw new MetricInputException(where + ": expected a JSON object, got " + abridged(node));
    }
    if (!object.has("id")) {
      object = others(where, object);
    }
    JsonNode id = object.path("id");
    if (!id.isTextual() && !id.isNumber()) {
      throw new MetricInputException(
          id.isMissingNode()
              ? "%s: no \"id\"; %s, got %s".formatted(where, WANTED, abridged(object))
              : where + ": \"id\" must be a text or a number, got " + id);
    }
    return new Row(where, object);
  }

  /** Converts another program's row to our form. */
  private static ObjectNode others(String where, ObjectNode object) {
    if (object.has("prediction")) {
      return vlmEvalKit(object);
    }
    if (object.has("doc_id") && (object.has("filtered_resps") || object.has("resps"))) {
      return lmmsEval(object);
    }
    if (object.has("image_id") && object.has("caption")) {
      ObjectNode row = object.deepCopy();
      row.set("id", object.path("image_id"));
      row.set("prediction", row.remove("caption"));
      return row;
    }
    if (object.has("image_id") && object.has("category_id") && object.has("bbox")) {
      throw new MetricInputException(
          where
              + ": this is a box of COCO's detection results; coco_map needs one row per image, with id,"
              + " detections [{category_id, bbox, score}] and annotations");
    }
    for (String key : List.of("question_id", "questionId", "image")) {
      if (object.has(key) && object.has("answer")) {
        return vqa(object, key);
      }
    }
    return object;
  }

  /** A prediction whose id has another name, possibly with its answer. */
  private static ObjectNode vlmEvalKit(ObjectNode object) {
    ObjectNode row = object.deepCopy();
    for (String key : List.of("index", "question_id", "questionId", "doc_id", "image_id")) {
      if (!row.has("id") && row.has(key)) {
        row.set("id", row.path(key));
      }
    }
    if (!row.has("references") && !row.has("reference")) {
      texts(object.path("answer")).forEach(row.withArray("/references")::add);
    }
    return row;
  }

  private static ObjectNode vqa(ObjectNode object, String key) {
    ObjectNode row = object.deepCopy();
    row.set("id", object.path(key));
    row.set("prediction", row.remove("answer"));
    // What big_vision's evaluators record beside the cleaned text.
    for (String raw : List.of("answer_raw", "raw_answer")) {
      if (row.has(raw)) {
        row.set("prediction", row.remove(raw));
      }
    }
    if (row.path("gts").isArray()) {
      row.set("references", row.remove("gts"));
    } else if (row.path("gt").isTextual()) {
      row.set("reference", row.remove("gt"));
    }
    return row;
  }

  private static ObjectNode lmmsEval(ObjectNode object) {
    ObjectNode row = Json.PYTHON.createObjectNode();
    row.set("id", object.path("doc_id"));
    JsonNode said = object.path(object.has("filtered_resps") ? "filtered_resps" : "resps");
    while (said.isArray() && said.size() > 0) {
      said = said.get(0);
    }
    row.set("prediction", said);
    JsonNode doc = object.path("doc");
    List<String> answers = texts(doc.path("answers"));
    if (answers.isEmpty()) {
      answers = texts(object.path("target"));
    }
    answers.forEach(row.putArray("references")::add);
    doc.properties()
        .forEach(
            field -> {
              if (!row.has(field.getKey()) && !field.getKey().equals("reference")) {
                row.set(field.getKey(), field.getValue());
              }
            });
    return row;
  }

  /** A text, several texts, or objects with an {@code answer}; empty if there is none. */
  private static List<String> texts(JsonNode node) {
    List<String> texts = new ArrayList<>();
    if (node.isArray()) {
      node.forEach(n -> texts.add(n.isObject() ? n.path("answer").asText() : n.asText()));
    } else if (node.isValueNode() && !node.isNull()) {
      texts.add(node.asText());
    }
    return texts;
  }

  // ---- Text

  private static @Nullable JsonNode objectOrNull(String text) {
    try {
      JsonNode node = Json.PYTHON.readTree(text);
      return node != null && node.isObject() ? node : null;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  private static JsonNode parsed(String where, String text) {
    try {
      return Json.PYTHON.readTree(withoutMark(text));
    } catch (JsonProcessingException e) {
      throw new MetricInputException(where + ": not JSON: " + e.getOriginalMessage());
    }
  }

  /** Removes a byte order mark, which is not part of the text. */
  private static String withoutMark(String text) {
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private static String abridged(JsonNode node) {
    String text = node.toString();
    return text.length() <= 120 ? text : text.substring(0, 120) + "...";
  }
}
