package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.eval.metrics.PredictionRows.Row;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.JsonValues;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Saved predictions: JSON lines with one object each, with {@code id}, {@code prediction}, and
 * {@code references} (a list of texts) or {@code reference} (one). Any other key becomes a field.
 * References and fields may come from a second file of the same form, joined by {@code id}. Files
 * of other programs with the same content are read too ({@link PredictionRows}).
 */
public final class Predictions {
  /** The most ids that a message names. */
  private static final int NAMED = 5;

  /** What to do where true boxes are missing. */
  private static final String INSTANCES =
      "give --references COCO's instances of the same split, such as instances_val2017.json: one"
          + " object with \"images\", and \"annotations\" that have image_id, category_id and bbox";

  private Predictions() {}

  /**
   * Checks that a file has the shape of a program's predictions; without, any known shape is read.
   *
   * @param shape {@code coco}, {@code vqa} or {@code lmms_eval}
   * @throws MetricInputException when there is no such shape or the file has another
   */
  public static void requireShape(String shape, Path predictions) throws IOException {
    PredictionRows.Shape known =
        Stream.of(PredictionRows.Shape.values())
            .filter(one -> one.name().equalsIgnoreCase(shape))
            .findFirst()
            .orElseThrow(
                () ->
                    new MetricInputException(
                        "--format must be coco, vqa or lmms_eval, got '%s'".formatted(shape)));
    PredictionRows.require(known, predictions);
  }

  /**
   * Reads predictions that include their references.
   *
   * @throws MetricInputException naming the file and line of a mistake
   */
  public static List<MetricRecord> read(Path predictions) throws IOException {
    List<MetricRecord> records = new ArrayList<>();
    Map<String, Row> rows = rows(predictions);
    if (!rows.isEmpty()
        && isDetections(rows)
        && rows.values().stream().noneMatch(row -> row.object().has("annotations"))) {
      throw new MetricInputException(
          "%s: COCO's detections are scored against the boxes of the same pictures; %s"
              .formatted(predictions, INSTANCES));
    }
    for (Map.Entry<String, Row> entry : rows.entrySet()) {
      Row line = entry.getValue();
      records.add(record(entry.getKey(), line, line));
    }
    return records;
  }

  /**
   * Reads predictions and joins them by id with the references and fields of another file. Both
   * must have the same ids.
   *
   * @throws MetricInputException naming the file and line of a mistake, or the ids that only one
   *     has
   */
  public static List<MetricRecord> read(Path predictions, Path references) throws IOException {
    Map<String, Row> predicted = rows(predictions);
    Map<String, Row> wanted = rows(references);
    if (isDetections(predicted)) {
      if (!predicted.isEmpty() && !hasBoxes(predicted) && !hasBoxes(wanted)) {
        throw new MetricInputException(
            "%s has no boxes, against which the detections of %s are scored; %s"
                .formatted(references, predictions, INSTANCES));
      }
      // An image in which nothing was found has no line in COCO's results.
      wanted.forEach(
          (id, row) -> {
            if (row.object().path("annotations").isArray() && !predicted.containsKey(id)) {
              ObjectNode none = Json.PYTHON.createObjectNode().put("id", id);
              none.putArray("detections");
              predicted.put(id, new Row(row.where(), none));
            }
          });
    }
    requireSubset(predicted.keySet(), wanted.keySet(), "a prediction but no reference");
    requireSubset(wanted.keySet(), predicted.keySet(), "a reference but no prediction");
    List<MetricRecord> records = new ArrayList<>();
    for (Map.Entry<String, Row> entry : wanted.entrySet()) {
      Row prediction = predicted.get(entry.getKey());
      if (prediction != null) {
        records.add(record(entry.getKey(), prediction, entry.getValue()));
      }
    }
    return records;
  }

  private static boolean isDetections(Map<String, Row> rows) {
    return rows.values().stream().allMatch(row -> row.object().has("detections"));
  }

  private static boolean hasBoxes(Map<String, Row> rows) {
    return rows.values().stream().anyMatch(row -> !row.object().path("annotations").isEmpty());
  }

  private static void requireSubset(Set<String> part, Set<String> whole, String what) {
    Set<String> missing = new LinkedHashSet<>(part);
    missing.removeAll(whole);
    if (!missing.isEmpty()) {
      List<String> first = missing.stream().limit(NAMED).toList();
      throw new MetricInputException(
          "%d ids have %s: %s%s"
              .formatted(
                  missing.size(),
                  what,
                  String.join(", ", first),
                  missing.size() > NAMED ? ", ..." : ""));
    }
  }

  private static Map<String, Row> rows(Path file) throws IOException {
    Map<String, Row> rows = new LinkedHashMap<>();
    for (Row row : PredictionRows.read(file)) {
      String id = JsonValues.id(row.object().path("id"));
      Row earlier = rows.putIfAbsent(id, row);
      if (earlier != null) {
        throw new MetricInputException(
            "%s: id %s was already given at %s".formatted(row.where(), id, earlier.where()));
      }
    }
    return rows;
  }

  private static MetricRecord record(String id, Row predicted, Row wanted) {
    JsonNode prediction = predicted.object().path("prediction");
    // Metrics of boxes and masks may find everything they need in these.
    boolean elsewhere =
        predicted.object().has("detections") || predicted.object().has("prediction_mask");
    if (!prediction.isTextual() && !(prediction.isMissingNode() && elsewhere)) {
      throw new MetricInputException(
          predicted.where()
              + ": \"prediction\" must be a text, got "
              + (prediction.isMissingNode() ? "none" : prediction));
    }
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    for (Row line : List.of(predicted, wanted)) {
      line.object().properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
    }
    List.of("id", "prediction", "reference", "references").forEach(fields::remove);
    return new MetricRecord(id, prediction.asText(""), references(wanted), fields);
  }

  private static List<String> references(Row line) {
    JsonNode one = line.object().path("reference");
    JsonNode many = line.object().path("references");
    if (one.isTextual() && many.isMissingNode()) {
      return List.of(one.asText());
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode text : many) {
      if (!text.isTextual()) {
        throw new MetricInputException(
            line.where() + ": \"references\" must be a list of texts, got " + many);
      }
      texts.add(text.asText());
    }
    if (!one.isMissingNode() || (!many.isMissingNode() && !many.isArray())) {
      throw new MetricInputException(
          line.where()
              + ": give either \"references\", a list of texts, or \"reference\", one text");
    }
    return texts;
  }
}
