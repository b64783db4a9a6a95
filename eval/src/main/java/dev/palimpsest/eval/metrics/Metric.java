package dev.palimpsest.eval.metrics;

import java.util.List;

/** Turns predictions and references into a number. Stateless: one instance serves every call. */
public interface Metric {
  /** Name, variant and version; written beside every value. */
  MetricId id();

  /** What a record must carry, in words for a person: references and fields. */
  String needs();

  /**
   * Scores a whole split. Corpus metrics depend on all records together: scores of parts of a split
   * are not comparable with scores of the whole.
   *
   * @throws MetricInputException when there are no records, or one lacks what {@link #needs} names
   */
  MetricResult score(List<MetricRecord> records);
}
