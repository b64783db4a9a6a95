package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The texts of a field in one language.
 *
 * @param language the language's code
 * @param texts alternatives, at least one
 */
record LocalizedText(String language, List<String> texts) {
  /**
   * Reads a field that holds texts, or texts by language, as {@link
   * dev.palimpsest.configs.data.TaskType} describes.
   *
   * @param otherwise the language of rows that do not name one
   * @param weights sampling weights by language; if empty, all languages are equally likely
   */
  static LocalizedText of(
      TaskContext context, String field, String otherwise, Map<String, Double> weights, Draw draw) {
    Fields row = context.row();
    JsonNode node = row.at(field);
    if (!node.isObject()) {
      String language = row.text("language", otherwise);
      if (!weights.isEmpty() && weights.getOrDefault(language, 0.0) == 0) {
        throw row.bad("its language '%s' has no weight among %s".formatted(language, weights));
      }
      return new LocalizedText(language, row.texts(field));
    }
    List<LocalizedText> options = new ArrayList<>();
    List<Double> shares = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      double weight = weights.isEmpty() ? 1 : weights.getOrDefault(entry.getKey(), 0.0);
      List<String> texts = row.texts(field, entry.getValue());
      if (weight > 0 && !texts.isEmpty()) {
        options.add(new LocalizedText(entry.getKey(), texts));
        shares.add(weight);
      }
    }
    if (options.isEmpty()) {
      throw row.bad(
          "%s has no text in a weighted language, found %s".formatted(row.named(field), node));
    }
    return options.get(draw.weighted(shares));
  }
}
