package dev.palimpsest.eval;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The result of a model on one task.
 *
 * @param examples the number of examples answered
 * @param exactMatch the share of examples whose decoded text is one of the accepted answers,
 *     character by character
 * @param tokenAccuracy teacher-forced: the share of supervised tokens (those of the reference and
 *     its EOS) that are strictly the most likely token given the true preceding ones; only for a
 *     recipe's own sources
 * @param loss teacher-forced: the mean over examples of the mean negative log-likelihood of their
 *     supervised tokens, as the training loss is without label smoothing; only for a recipe's own
 *     sources, and absent from results of earlier versions
 * @param perplexity of the same tokens: the exponential of their mean negative log-likelihood, each
 *     token counting once; for benchmarks if it was asked for
 * @param metrics scores by the task's metrics, in their order
 * @param benchmark the benchmark's name; absent for a recipe's own source
 * @param expected the number of examples in the benchmark; 0 if not known
 * @param truncated the number of answers that the token limit truncated
 * @param cutPrompts the number of prompts that were longer than the text positions
 * @param firstPrompt the first example's prompt
 * @param protocol everything that affects the scores except the model, as single values by path
 * @param notes what a reader of the scores should know
 */
public record TaskResult(
    long examples,
    Score exactMatch,
    Score tokenAccuracy,
    @Nullable Score loss,
    @Nullable Score perplexity,
    List<MetricScore> metrics,
    @Nullable String benchmark,
    long expected,
    long truncated,
    long cutPrompts,
    String firstPrompt,
    Map<String, String> protocol,
    List<String> notes) {
  /** Keeps unmodifiable copies; results of earlier versions lack later components. */
  public TaskResult {
    metrics = List.copyOf(Objects.requireNonNullElse(metrics, List.of()));
    firstPrompt = Objects.requireNonNullElse(firstPrompt, "");
    protocol =
        Collections.unmodifiableMap(
            new LinkedHashMap<>(Objects.requireNonNullElse(protocol, Map.of())));
    notes = List.copyOf(Objects.requireNonNullElse(notes, List.of()));
  }

  /** The first metric's score. */
  public Optional<MetricScore> headline() {
    return metrics.stream().findFirst();
  }

  /**
   * A score by {@code name:variant} or by a name alone, including {@code exact_match} and {@code
   * token_accuracy}, which every source has.
   */
  public Optional<MetricScore> score(String metric) {
    return metrics.stream()
        .filter(m -> m.metric().key().equals(metric) || m.metric().name().equals(metric))
        .findFirst();
  }

  /**
   * A score with its standard error, which is NaN if there is none.
   *
   * @param metric in words
   */
  public record Measured(String metric, double value, double error) {}

  /**
   * One of the scores.
   *
   * @param metric as in {@link #score}, or {@code exact_match}, {@code token_accuracy}, {@code
   *     loss} or {@code perplexity}; absent: the first metric, or exact match if there is none
   * @return empty if the task is not scored with it
   */
  public Optional<Measured> measured(@Nullable String metric) {
    Optional<MetricScore> score = metric == null ? headline() : score(metric);
    if (score.isPresent()) {
      MetricScore found = score.get();
      Double error =
          found.clusteredStandardError() != null
              ? found.clusteredStandardError()
              : found.standardError();
      return found.value() == null
          ? Optional.empty()
          : Optional.of(
              new Measured(found.metric().key(), found.value(), error == null ? 0 : error));
    }
    if (metric == null || metric.equals("exact_match")) {
      return measured("exact match", exactMatch);
    }
    return switch (metric) {
      case "token_accuracy" -> measured("token accuracy", tokenAccuracy);
      case "loss" -> loss == null ? Optional.empty() : measured("loss", loss);
      case "perplexity" ->
          perplexity == null ? Optional.empty() : measured("perplexity", perplexity);
      default -> Optional.empty();
    };
  }

  private static Optional<Measured> measured(String metric, Score score) {
    return score.n() == 0
        ? Optional.empty()
        : Optional.of(new Measured(metric, score.value(), score.standardError()));
  }

  /**
   * Why this result cannot be compared with another; empty if it can. Results of earlier versions
   * do not record how they were made.
   */
  public List<String> differencesFrom(TaskResult other) {
    if (protocol.isEmpty() || other.protocol.isEmpty()) {
      return protocol.isEmpty() && other.protocol.isEmpty()
          ? List.of()
          : List.of("one of them does not say how it was made");
    }
    return Protocol.differences(other.protocol, protocol);
  }
}
