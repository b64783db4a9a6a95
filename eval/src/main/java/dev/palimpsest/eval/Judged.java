package dev.palimpsest.eval;

import dev.palimpsest.eval.metrics.Bootstrap;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PairedTest;
import dev.palimpsest.mixtures.tasks.Example;
import java.util.List;
import java.util.Map;

/**
 * A task's result with how each answer was judged, for comparisons with other models.
 *
 * @param result what is stored
 * @param verdicts of the task's metrics, in their order; exact match if it has none
 * @param likelihoods of the references
 * @param clusters by example, its pictures: examples about the same pictures are not independent
 * @param examples what was asked
 * @param answers to the examples, as decoded
 */
public record Judged(
    TaskResult result,
    List<MetricResult> verdicts,
    Likelihoods likelihoods,
    Map<String, String> clusters,
    List<Example> examples,
    List<String> answers) {
  /** Resamples for headlines that are computed anew from each. */
  private static final Bootstrap CORPUS = new Bootstrap(500, 0, Bootstrap.STANDARD.level());

  /** Keeps unmodifiable copies. */
  public Judged {
    verdicts = List.copyOf(verdicts);
    clusters = Map.copyOf(clusters);
    examples = List.copyOf(examples);
    answers = List.copyOf(answers);
  }

  /** Clusters for a verdict; none if it has no scores of single examples. */
  static Map<String, String> clustersOf(MetricResult verdict, Map<String, String> clusters) {
    return !verdict.examples().isEmpty()
            && verdict.examples().stream().allMatch(example -> clusters.containsKey(example.id()))
        ? clusters
        : Map.of();
  }

  /**
   * Compares a verdict with that of another model on the same examples.
   *
   * @param verdict one of this, or of its likelihoods
   * @param first the other model's of the same metric
   * @throws MetricInputException when the examples differ
   */
  public PairedTest against(MetricResult first, MetricResult verdict) {
    return PairedTest.of(
        first,
        verdict,
        clustersOf(verdict, clusters),
        verdict.headline().isMean() ? Bootstrap.STANDARD : CORPUS);
  }
}
