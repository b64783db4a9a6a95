package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.mixtures.tasks.Example;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is put to a model, with what judges its answer.
 *
 * @param example id, pictures, prompt and accepted answers; none where they are kept back
 * @param fields what metrics may need besides, by name
 */
public record Question(Example example, Map<String, JsonNode> fields) {
  /** Copies. */
  public Question {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** The question with an answer, ready to be scored. */
  public MetricRecord answered(String prediction) {
    return new MetricRecord(example.id(), prediction, example.references(), fields);
  }
}
