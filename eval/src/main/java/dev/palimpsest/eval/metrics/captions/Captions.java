package dev.palimpsest.eval.metrics.captions;

import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Captions and their references after tokenization, as the COCO caption evaluation prepares them.
 *
 * @param items one per image
 */
public record Captions(List<Item> items) {
  /**
   * One image.
   *
   * @param caption tokens joined by spaces
   * @param references likewise, at least one
   */
  public record Item(String id, String caption, List<String> references) {}

  /** The captions of records, tokenized. */
  public static Captions of(MetricId metric, List<MetricRecord> records) {
    if (records.isEmpty()) {
      throw new MetricInputException(metric.key() + ": there are no examples to score");
    }
    Set<String> ids = new HashSet<>();
    List<String> predictions = new ArrayList<>(records.size());
    List<String> references = new ArrayList<>();
    for (MetricRecord record : records) {
      if (!ids.add(record.id())) {
        throw new MetricInputException(
            "image " + record.id() + " has more than one caption; keep one");
      }
      predictions.add(record.prediction());
      references.addAll(record.requireReferences());
    }
    PtbTokenizer tokenizer = new PtbTokenizer();
    List<String> captions = tokenizer.captions(predictions);
    List<String> right = tokenizer.captions(references);
    List<Item> items = new ArrayList<>(records.size());
    int next = 0;
    for (int i = 0; i < records.size(); i++) {
      int count = records.get(i).requireReferences().size();
      items.add(
          new Item(
              records.get(i).id(),
              captions.get(i),
              List.copyOf(right.subList(next, next + count))));
      next += count;
    }
    return new Captions(items);
  }
}
