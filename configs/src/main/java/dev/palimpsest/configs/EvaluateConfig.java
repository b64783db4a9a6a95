package dev.palimpsest.configs;

import java.util.List;

/**
 * Which suites a stage is scored on, and when.
 *
 * @param suites names from the recipe's {@code suites}
 * @param before whether to score before the first step, at the stage's own resolution
 * @param after whether to score at the end
 * @param everyExamples also each time this many examples have been seen; 0 for never
 * @param batchSize examples a forward pass; alters speed and memory, never an answer
 * @param gates conditions on the scores at the end; one that does not hold stops the run
 */
public record EvaluateConfig(
    @Default("[]") List<String> suites,
    @Default("true") boolean before,
    @Default("true") boolean after,
    @Default("0") long everyExamples,
    @Default("32") int batchSize,
    @Default("[]") List<GateConfig> gates) {
  /** Checks ranges. */
  public EvaluateConfig {
    new Check()
        .examples("everyExamples", everyExamples)
        .range("batchSize", batchSize, 1, Check.MOST_BATCH, "examples")
        .done();
    suites = List.copyOf(suites);
    gates = List.copyOf(gates);
  }
}
