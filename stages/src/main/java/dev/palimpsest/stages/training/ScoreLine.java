package dev.palimpsest.stages.training;

import dev.palimpsest.eval.SuiteResult;
import java.util.Locale;
import java.util.stream.Collectors;

/** Formats a suite's result as one line of the log. */
final class ScoreLine {
  private ScoreLine() {}

  static String of(SuiteResult result) {
    return result.tasks().entrySet().stream()
        .map(
            e ->
                String.format(
                    Locale.ROOT,
                    "%s %.3f (tokens %.3f)",
                    e.getKey(),
                    e.getValue().exactMatch().value(),
                    e.getValue().tokenAccuracy().value()))
        .collect(Collectors.joining(", "));
  }
}
