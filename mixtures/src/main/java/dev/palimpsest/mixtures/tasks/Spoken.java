package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Texts in one language.
 *
 * @param texts at least one
 */
record Spoken(String language, List<String> texts) {
  /**
   * Reads a field that is by language, as {@link dev.palimpsest.configs.TaskType} says.
   *
   * @param otherwise language of rows that name none
   * @param weights by language; empty: all alike
   */
  static Spoken of(
      Visit visit, String field, String otherwise, Map<String, Double> weights, Draw draw) {
    Fields row = visit.row();
    JsonNode node = row.at(field);
    if (!node.isObject()) {
      String language = row.text("language", otherwise);
      if (!weights.isEmpty() && weights.getOrDefault(language, 0.0) == 0) {
        throw row.bad("it is in '%s', which has no weight among %s".formatted(language, weights));
      }
      return new Spoken(language, row.texts(field));
    }
    List<Spoken> options = new ArrayList<>();
    List<Double> shares = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      double weight = weights.isEmpty() ? 1 : weights.getOrDefault(entry.getKey(), 0.0);
      List<String> texts = row.texts(field, entry.getValue());
      if (weight > 0 && !texts.isEmpty()) {
        options.add(new Spoken(entry.getKey(), texts));
        shares.add(weight);
      }
    }
    if (options.isEmpty()) {
      throw row.bad(
          "%s has nothing in a weighted language, found %s".formatted(row.named(field), node));
    }
    return options.get(draw.weighted(shares));
  }
}
