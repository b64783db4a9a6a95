package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;

/**
 * Which suites a stage is scored on, and when.
 *
 * @param suites names of suites in the recipe's {@code suites}
 * @param before whether to score before the first step, at this stage's resolution
 * @param after whether to score at the stage's end
 * @param everyExamples examples between two further evaluations during training; 0 for none
 * @param batchSize examples per forward pass; affects speed and memory but never an answer
 * @param gates conditions on the scores at the stage's end; the run stops if one is not met
 */
public record EvaluateConfig(
    @Default("[]") List<String> suites,
    @Default("true") boolean before,
    @Default("true") boolean after,
    @Default("0") long everyExamples,
    @Default("32") int batchSize,
    @Default("[]") List<GateConfig> gates) {
  /** Checks the cadence and the batch size. */
  public EvaluateConfig {
    new Check()
        .examples("everyExamples", everyExamples)
        .range("batchSize", batchSize, 1, Check.MOST_BATCH, "examples")
        .done();
    suites = List.copyOf(suites);
    gates = List.copyOf(gates);
  }
}
