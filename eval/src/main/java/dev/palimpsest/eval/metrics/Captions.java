package dev.palimpsest.eval.metrics;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Captions and their references after tokenization, as the COCO caption evaluation prepares them.
 *
 * @param items one an image
 */
record Captions(List<Item> items) {
  /**
   * One image.
   *
   * @param caption tokens joined by spaces
   * @param references likewise, at least one
   */
  record Item(String id, String caption, List<String> references) {}

  static Captions of(MetricId metric, List<MetricRecord> records) {
    if (records.isEmpty()) {
      throw new MetricInputException(metric.key() + ": there are no examples to score");
    }
    PtbTokenizer tokenizer = new PtbTokenizer();
    Set<String> ids = new HashSet<>();
    List<Item> items = new ArrayList<>(records.size());
    for (MetricRecord record : records) {
      if (!ids.add(record.id())) {
        throw new MetricInputException(
            "image " + record.id() + " has more than one caption; keep one");
      }
      items.add(
          new Item(
              record.id(),
              tokenizer.caption(record.prediction()),
              record.requireReferences().stream().map(tokenizer::caption).toList()));
    }
    return new Captions(items);
  }
}
