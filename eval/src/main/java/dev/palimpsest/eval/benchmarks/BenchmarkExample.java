package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricRecord;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One example of a benchmark.
 *
 * @param id as the benchmark counts: question, image, expression
 * @param images file names as the benchmark writes them; two for benchmarks on pairs
 * @param question the question, sentence or expression; empty for captions
 * @param references accepted answers, one per annotator where there are several; empty where the
 *     file keeps them back
 * @param fields what metrics and prompts may need besides: {@code answer_type}, {@code choices},
 *     {@code bbox}
 */
public record BenchmarkExample(
    String id,
    List<String> images,
    String question,
    List<String> references,
    Map<String, JsonNode> fields) {
  /** Copies. */
  public BenchmarkExample {
    images = List.copyOf(images);
    references = List.copyOf(references);
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** The example under another id and with more fields. */
  BenchmarkExample with(String otherId, Map<String, JsonNode> more) {
    Map<String, JsonNode> all = new LinkedHashMap<>(fields);
    all.putAll(more);
    return new BenchmarkExample(otherId, images, question, references, all);
  }

  /** The example with an answer, ready to be scored. */
  public MetricRecord predicted(String prediction) {
    return new MetricRecord(id, prediction, references, fields);
  }
}
