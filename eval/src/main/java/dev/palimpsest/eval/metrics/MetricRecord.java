package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One example to score.
 *
 * @param id the example's id: question, image or expression, as the benchmark counts
 * @param prediction what the model wrote, unaltered
 * @param references what people wrote, one per annotator; empty if a metric reads fields instead
 * @param fields everything else a metric may need: {@code answer_type}, {@code language}, {@code
 *     height}, boxes, masks
 */
public record MetricRecord(
    String id, String prediction, List<String> references, Map<String, JsonNode> fields) {
  /** Keeps unmodifiable copies. */
  public MetricRecord {
    references = List.copyOf(references);
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** A record without fields. */
  public MetricRecord(String id, String prediction, List<String> references) {
    this(id, prediction, references, Map.of());
  }

  /** The references, of which there must be at least one. */
  public List<String> requireReferences() {
    if (references.isEmpty()) {
      throw new MetricInputException(
          "record "
              + id
              + " has no references: splits without public answers cannot be scored here; submit the"
              + " predictions to the benchmark's server");
    }
    return references;
  }

  /** The only reference. */
  public String onlyReference() {
    if (references.size() != 1) {
      throw new MetricInputException(
          "record " + id + ": expected exactly 1 reference, got " + references.size());
    }
    return references.get(0);
  }

  /** A field as text: strings unchanged, numbers and booleans as in JSON. */
  public Optional<String> text(String field) {
    return Optional.ofNullable(fields.get(field)).filter(n -> !n.isNull()).map(JsonNode::asText);
  }

  /** A field that must be present. */
  public JsonNode require(String field) {
    JsonNode node = fields.get(field);
    if (node == null || node.isNull()) {
      throw new MetricInputException("record " + id + ": field \"" + field + "\" is missing");
    }
    return node;
  }

  /** A whole number that must be present. */
  public int integer(String field) {
    JsonNode node = require(field);
    if (!node.canConvertToExactIntegral() || !node.canConvertToInt()) {
      throw new MetricInputException(
          "record " + id + ": field \"" + field + "\" must be a whole number, got " + node);
    }
    return node.intValue();
  }

  /** A list of exactly {@code count} numbers that must be present. */
  public double[] numbers(String field, int count) {
    JsonNode node = require(field);
    if (!node.isArray() || node.size() != count) {
      throw new MetricInputException(
          "record " + id + ": field \"" + field + "\" must be " + count + " numbers, got " + node);
    }
    return numbers(node, field);
  }

  /** The numbers of a JSON array. */
  public double[] numbers(JsonNode array, String field) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      if (!array.get(i).isNumber()) {
        throw new MetricInputException(
            "record " + id + ": field \"" + field + "\" must contain numbers, got " + array.get(i));
      }
      values[i] = array.get(i).doubleValue();
    }
    return values;
  }
}
