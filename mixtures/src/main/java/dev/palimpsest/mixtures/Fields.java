package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A row's fields by the names that a task type gives them. */
final class Fields {
  private final Row row;
  private final Map<String, String> renamed;

  /**
   * A view.
   *
   * @param renamed the source's name by the type's, where they differ
   */
  Fields(Row row, Map<String, String> renamed) {
    this.row = row;
    this.renamed = renamed;
  }

  Row row() {
    return row;
  }

  /** A field as it is; a missing node when absent or null. */
  JsonNode at(String field) {
    String name = renamed.getOrDefault(field, field);
    JsonNode node = row.fields().path(name);
    if (node.isMissingNode() && name.indexOf('.') > 0) {
      node = row.fields();
      for (String step : name.split("\\.")) {
        node = node.path(step);
      }
    }
    return node.isNull() ? MissingNode.getInstance() : node;
  }

  boolean has(String field) {
    return !at(field).isMissingNode();
  }

  /** A text that must be there. */
  String text(String field) {
    return text(field, at(field));
  }

  /** A text, or another where the field is absent. */
  String text(String field, String absent) {
    return has(field) ? text(field) : absent;
  }

  /** A text or a list of texts, at least one. */
  List<String> texts(String field) {
    List<String> texts = new ArrayList<>();
    for (JsonNode member : list(field)) {
      texts.add(text(field, member));
    }
    if (texts.isEmpty()) {
      throw bad(named(field) + " must be a text or a list of at least one");
    }
    return texts;
  }

  /** The members of a list; a single value is a list of one, an absent one an empty list. */
  Iterable<JsonNode> list(String field) {
    JsonNode node = at(field);
    return node.isMissingNode() ? List.of() : node.isArray() ? node : List.of(node);
  }

  /** A value of the field, which must be a text. */
  String text(String field, JsonNode node) {
    if (!node.isTextual()) {
      throw bad(
          "%s must be a text, %s"
              .formatted(
                  named(field), node.isMissingNode() ? "but it is missing" : "found " + node));
    }
    return node.textValue();
  }

  /** The field as messages call it. */
  String named(String field) {
    String name = renamed.get(field);
    return name == null ? field : "%s (%s)".formatted(name, field);
  }

  BadExampleException bad(String what) {
    return new BadExampleException("example %s: %s".formatted(row.id(), what), null);
  }
}
