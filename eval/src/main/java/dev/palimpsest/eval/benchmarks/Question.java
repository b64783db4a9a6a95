package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.mixtures.tasks.Example;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A question for a model, with what is needed to judge its answer.
 *
 * @param example id, pictures, prompt and accepted answers; none if they are not public
 * @param fields what metrics may need in addition, by name
 */
public record Question(Example example, Map<String, JsonNode> fields) {
  /** Keeps unmodifiable copies. */
  public Question {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** The question and an answer as a record to be scored. */
  public MetricRecord answered(String prediction) {
    return new MetricRecord(example.id(), prediction, example.references(), fields);
  }
}
