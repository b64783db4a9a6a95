package dev.palimpsest.stages.training;

import dev.palimpsest.configs.evaluation.ScoreChoice;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.eval.TaskResult.Measured;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The best score while a stage trained: a function of the scores in the run folder alone, so that a
 * resumed run judges as the uninterrupted one.
 *
 * @param examples of the stage after which it was made
 * @param metric in words
 * @param value of the score
 * @param since evaluations after it
 */
public record BestScore(long examples, String metric, double value, int since) {
  private static final String DURING = "at-";

  /**
   * The best of the scores.
   *
   * @param scores by moment, in order, then by suite
   * @param upTo examples; later scores belong to steps that a kill has undone
   * @param minimumGain a smaller difference is no improvement
   */
  static Optional<BestScore> of(
      Map<String, Map<String, SuiteResult>> scores,
      ScoreChoice choice,
      long upTo,
      double minimumGain) {
    Optional<BestScore> best = Optional.empty();
    for (Map.Entry<String, Map<String, SuiteResult>> moment : scores.entrySet()) {
      if (!moment.getKey().startsWith(DURING)) {
        continue;
      }
      long examples = Long.parseLong(moment.getKey().substring(DURING.length()));
      Optional<Measured> measured =
          Optional.ofNullable(moment.getValue().get(choice.suite()))
              .map(SuiteResult::tasks)
              .<TaskResult>map(tasks -> tasks.get(choice.task()))
              .flatMap(task -> task.measured(choice.metric()));
      if (examples > upTo || measured.isEmpty()) {
        continue;
      }
      double value = measured.get().value();
      double sign = choice.isLowerBetter() ? -1 : 1;
      boolean better = best.isEmpty() || sign * (value - best.get().value) > minimumGain;
      best =
          Optional.of(
              better
                  ? new BestScore(examples, measured.get().metric(), value, 0)
                  : best.get().later());
    }
    return best;
  }

  private BestScore later() {
    return new BestScore(examples, metric, value, since + 1);
  }

  /** In words. */
  public String words() {
    return String.format(Locale.ROOT, "%s %.4f at %,d examples", metric, value, examples);
  }
}
