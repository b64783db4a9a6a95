package dev.palimpsest.eval;

import dev.palimpsest.eval.metrics.Bootstrap;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.ScoreReport;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A task's score by one metric. Undefined numbers are absent.
 *
 * @param metric name, variant and version
 * @param quantity the name of {@code value}
 * @param value the headline; higher is better
 * @param standardError of the headline
 * @param clusteredStandardError the same, treating examples that share pictures as one cluster
 * @param low lower end of the interval
 * @param high upper end of the interval
 * @param level coverage of the interval
 * @param resamples number of bootstrap resamples behind the interval, drawn with seed 0
 * @param n examples that count
 * @param parseFailures answers that could not be parsed, counted as wrong
 * @param values every named quantity
 * @param protocol hash of everything that affects the score except the model ({@link Protocol});
 *     scores with different hashes are not comparable
 */
public record MetricScore(
    MetricId metric,
    String quantity,
    @Nullable Double value,
    @Nullable Double standardError,
    @Nullable Double clusteredStandardError,
    @Nullable Double low,
    @Nullable Double high,
    double level,
    int resamples,
    long n,
    long parseFailures,
    Map<String, Double> values,
    String protocol) {
  /** Keeps unmodifiable copies. */
  public MetricScore {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  static MetricScore of(ScoreReport report, String protocol) {
    Bootstrap bootstrap = report.bootstrap();
    Map<String, Double> values = new LinkedHashMap<>();
    report
        .result()
        .values()
        .forEach(
            (name, value) -> {
              if (Double.isFinite(value)) {
                values.put(name, value);
              }
            });
    return new MetricScore(
        report.result().metric(),
        report.result().quantity(),
        finite(report.result().value()),
        finite(report.standardError()),
        finite(report.clusteredStandardError()),
        finite(report.interval().low()),
        finite(report.interval().high()),
        bootstrap.level(),
        bootstrap.iterations(),
        report.result().n(),
        report.result().parseFailures(),
        values,
        protocol);
  }

  private static @Nullable Double finite(OptionalDouble value) {
    return value.isPresent() ? finite(value.getAsDouble()) : null;
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
