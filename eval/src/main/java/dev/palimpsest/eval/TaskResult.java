package dev.palimpsest.eval;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a model does on one task.
 *
 * @param examples how many were answered
 * @param exactMatch share of examples whose decoded text is one of the accepted answers, character
 *     by character
 * @param tokenAccuracy teacher-forced: share of supervised tokens (the reference's and its EOS)
 *     that are strictly the most likely token after the true ones before them; of a recipe's own
 *     sources alone
 * @param metrics scores by the task's metrics, in their order
 * @param benchmark the benchmark's name; absent for a recipe's own source
 * @param expected how many examples the benchmark has; 0 where that is not known
 * @param truncated answers that the token limit cut off
 * @param cutPrompts prompts that were longer than the text positions
 * @param firstPrompt what the first example's prompt reads
 * @param protocol all that decides the scores but the model, as single values by path
 * @param notes what a reader of the scores should know
 */
public record TaskResult(
    long examples,
    Score exactMatch,
    Score tokenAccuracy,
    List<MetricScore> metrics,
    @Nullable String benchmark,
    long expected,
    long truncated,
    long cutPrompts,
    String firstPrompt,
    Map<String, String> protocol,
    List<String> notes) {
  /** Copies; results kept by earlier versions lack what came later. */
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
   * A score by {@code name:variant}, by a name alone, or {@code exact_match} and {@code
   * token_accuracy}, which every source has.
   */
  public Optional<MetricScore> score(String metric) {
    return metrics.stream()
        .filter(m -> m.metric().key().equals(metric) || m.metric().name().equals(metric))
        .findFirst();
  }

  /**
   * Why this result cannot be compared with another; empty when it can. Results of earlier versions
   * say nothing of how they were made.
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
