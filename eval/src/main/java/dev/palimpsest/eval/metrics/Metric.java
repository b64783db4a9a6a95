package dev.palimpsest.eval.metrics;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Computes a number from predictions and references. Stateless, so that one instance serves every
 * call.
 */
public interface Metric {
  /** Name, variant and version, which are recorded with every value. */
  MetricId id();

  /** The references and fields that a record must have, described for people. */
  String needs();

  /**
   * A file of the data folder without which this cannot be computed, such as a decoder's weights;
   * nearly all metrics need none.
   */
  default Optional<String> file() {
    return Optional.empty();
  }

  /**
   * Records extended by what the file computes from their predictions, ready to be scored.
   *
   * @param file the one that {@link #file} names
   */
  default List<MetricRecord> prepared(List<MetricRecord> records, Path file) {
    return records;
  }

  /**
   * Scores a whole split. Corpus metrics depend on all records together: scores of parts of a split
   * are not comparable with scores of the whole.
   *
   * @throws MetricInputException when there are no records, or one lacks what {@link #needs} names
   */
  MetricResult score(List<MetricRecord> records);
}
