package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.JsonValues;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A row's fields by the names that a task type uses. */
public final class Fields {
  private final Row row;
  private final Map<String, String> renamed;

  /**
   * Creates a view.
   *
   * @param renamed the source's name by the type's name, where they differ
   */
  public Fields(Row row, Map<String, String> renamed) {
    this.row = row;
    this.renamed = renamed;
  }

  public Row row() {
    return row;
  }

  /** A field unchanged; a missing node if it is absent or null. */
  public JsonNode at(String field) {
    JsonNode node = at(row.fields(), renamed.getOrDefault(field, field));
    return node.isNull() ? MissingNode.getInstance() : node;
  }

  /**
   * A field of a row; if there is none with that name, dots in the name select fields of nested
   * objects.
   */
  public static JsonNode at(ObjectNode row, String name) {
    JsonNode node = row.path(name);
    if (node.isMissingNode() && name.indexOf('.') > 0) {
      node = row;
      for (String step : name.split("\\.")) {
        node = inside(node, step);
      }
    }
    return node;
  }

  /** A field of an object, or of every object of a list. */
  private static JsonNode inside(JsonNode node, String field) {
    if (!node.isArray()) {
      return node.path(field);
    }
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    for (JsonNode member : node) {
      JsonNode inner = member.path(field);
      if (inner instanceof ArrayNode several) {
        all.addAll(several);
      } else {
        all.add(inner);
      }
    }
    return all;
  }

  public boolean has(String field) {
    return !at(field).isMissingNode();
  }

  /** A text that must be present. */
  public String text(String field) {
    return text(field, at(field));
  }

  /** A text, or a default if the field is absent. */
  public String text(String field, String absent) {
    return has(field) ? text(field) : absent;
  }

  /** A text or a list of texts, at least one. */
  public List<String> texts(String field) {
    List<String> texts = texts(field, at(field));
    if (texts.isEmpty()) {
      throw bad(named(field) + " must be a text or a list of at least one");
    }
    return texts;
  }

  /** A field's texts: a text or a list of texts, possibly empty. */
  public List<String> texts(String field, JsonNode node) {
    List<String> texts = new ArrayList<>();
    for (JsonNode member : members(node)) {
      texts.add(text(field, member));
    }
    return texts;
  }

  /** A whole number above 0. */
  public int positive(String field) {
    JsonNode node = at(field);
    if (!node.canConvertToInt() || node.intValue() < 1) {
      throw bad(
          "%s must be a whole number above 0, found %s"
              .formatted(named(field), JsonValues.abridged(node)));
    }
    return node.intValue();
  }

  /** A field's box: ymin, xmin, ymax, xmax. */
  public BoundingBox box(String field, JsonNode node) {
    boolean four = node.isArray() && node.size() == 4;
    for (JsonNode number : node) {
      four &= number.isNumber();
    }
    BoundingBox box =
        four
            ? new BoundingBox(
                node.get(0).doubleValue(),
                node.get(1).doubleValue(),
                node.get(2).doubleValue(),
                node.get(3).doubleValue())
            : null;
    if (box == null || box.isEmpty() || box.intersection(BoundingBox.WHOLE).isEmpty()) {
      throw bad(
          "a box of %s must be [ymin, xmin, ymax, xmax] in shares of the picture, found %s"
              .formatted(named(field), node.isMissingNode() ? "none" : JsonValues.abridged(node)));
    }
    return box;
  }

  /**
   * The members of a list; a single value counts as a list of one, an absent value as an empty
   * list.
   */
  public Iterable<JsonNode> list(String field) {
    return members(at(field));
  }

  private static Iterable<JsonNode> members(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return List.of();
    }
    return node.isArray() ? node : List.of(node);
  }

  /** A value of the field, which must be a text. */
  public String text(String field, JsonNode node) {
    if (!node.isTextual()) {
      throw bad(
          "%s must be a text, %s"
              .formatted(
                  named(field),
                  node.isMissingNode()
                      ? "but it is missing"
                      : "found " + JsonValues.abridged(node)));
    }
    return node.textValue();
  }

  /** The field's name in messages. */
  public String named(String field) {
    String name = renamed.get(field);
    return name == null ? field : "%s (%s)".formatted(name, field);
  }

  public BadExampleException bad(String what) {
    return new BadExampleException("example %s: %s".formatted(row.id(), what), null);
  }
}
