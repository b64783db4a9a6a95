package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A result with its uncertainty, for people and for programs. What is undefined is null in JSON and
 * left out of the text: a number is never a word.
 *
 * @param clusteredStandardError for examples that come in groups, such as questions about one image
 */
public record ScoreReport(
    MetricResult result,
    OptionalDouble standardError,
    OptionalDouble clusteredStandardError,
    Bootstrap.Interval interval,
    Bootstrap bootstrap) {

  /**
   * Computes standard errors and interval.
   *
   * @param clusterField field whose equal values make a cluster
   * @throws MetricInputException when the metric's headline is not a mean over examples, which a
   *     clustered error needs
   */
  public static ScoreReport of(
      MetricResult result,
      List<MetricRecord> records,
      Optional<String> clusterField,
      Bootstrap bootstrap) {
    return new ScoreReport(
        result,
        result.standardError(bootstrap),
        clusterField.isEmpty()
            ? OptionalDouble.empty()
            : clustered(result, records, clusterField.get()),
        result.interval(bootstrap),
        bootstrap);
  }

  private static OptionalDouble clustered(
      MetricResult result, List<MetricRecord> records, String field) {
    if (!result.headline().isMean()) {
      throw new MetricInputException(
          result.metric().key() + " is not a mean over examples: it has no clustered error");
    }
    Map<String, String> clusters = new HashMap<>();
    records.forEach(r -> clusters.put(r.id(), r.require(field).asText()));
    return Statistics.clusteredStandardError(
        result.scores(),
        result.examples().stream().map(e -> clusters.getOrDefault(e.id(), e.id())).toList());
  }

  /** One object, written beside results. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("metric", result.metric().name());
    json.put("variant", result.metric().variant());
    json.put("version", result.metric().version());
    json.put("quantity", result.quantity());
    put(json, "value", result.value());
    json.put("n", result.n());
    json.put("parse_failures", result.parseFailures());
    put(json, "standard_error", standardError.orElse(Double.NaN));
    put(json, "clustered_standard_error", clusteredStandardError.orElse(Double.NaN));
    ObjectNode bounds = json.putObject("interval");
    put(bounds, "low", interval.low());
    put(bounds, "high", interval.high());
    bounds.put("level", bootstrap.level());
    bounds.put("iterations", bootstrap.iterations());
    bounds.put("seed", bootstrap.seed());
    ObjectNode values = json.putObject("values");
    result.values().forEach((name, value) -> put(values, name, value));
    return json;
  }

  private static void put(ObjectNode json, String name, double value) {
    if (Double.isFinite(value)) {
      json.put(name, value);
    } else {
      json.putNull(name);
    }
  }

  /** Lines for a terminal: the headline first, then every quantity. */
  public String toText() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s  %s = %.4f  n = %d",
            result.metric(),
            result.quantity(),
            result.value(),
            result.n()));
    standardError.ifPresent(e -> text.append(String.format(Locale.ROOT, "  stderr = %.4f", e)));
    clusteredStandardError.ifPresent(
        e -> text.append(String.format(Locale.ROOT, "  clustered stderr = %.4f", e)));
    text.append(
        String.format(
            Locale.ROOT,
            "  %.0f%% interval = [%.4f, %.4f]%n",
            100 * bootstrap.level(),
            interval.low(),
            interval.high()));
    if (result.parseFailures() > 0) {
      text.append(
          String.format(
              Locale.ROOT,
              "  %d of %d predictions could not be read as an answer%n",
              result.parseFailures(),
              result.n()));
    }
    int width = result.values().keySet().stream().mapToInt(String::length).max().orElse(0);
    result
        .values()
        .forEach(
            (name, value) ->
                text.append(String.format(Locale.ROOT, "  %-" + width + "s  %.4f%n", name, value)));
    return text.toString();
  }
}
