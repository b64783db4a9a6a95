package dev.palimpsest.eval.metrics;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A result with its uncertainty, for people and for programs. Undefined numbers are null in JSON
 * and left out of the text.
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
   * Computes standard errors and interval. With clusters, the interval is over resamples of
   * clusters and has the width of the clustered error.
   *
   * @param clusters by example, the group that it belongs to, such as its picture; empty if
   *     examples are independent
   * @throws MetricInputException when there are clusters, but examples have no scores of their own
   */
  public static ScoreReport of(
      MetricResult result, Map<String, String> clusters, Bootstrap bootstrap) {
    if (clusters.isEmpty()) {
      return new ScoreReport(
          result,
          result.standardError(bootstrap),
          OptionalDouble.empty(),
          result.interval(bootstrap),
          bootstrap);
    }
    if (result.examples().isEmpty()) {
      throw new MetricInputException(
          result.metric().key() + " has no scores for single examples, and so no clustered error");
    }
    List<String> names = names(result, clusters);
    int[][] groups = groups(result, clusters);
    return new ScoreReport(
        result,
        result.standardError(bootstrap),
        result.headline().isMean()
            ? Statistics.clusteredStandardError(result.scores(), names)
            : bootstrap.standardError(groups, result.headline()),
        bootstrap.interval(groups, result.headline()),
        bootstrap);
  }

  private static List<String> names(MetricResult result, Map<String, String> clusters) {
    return result.examples().stream().map(e -> clusters.getOrDefault(e.id(), e.id())).toList();
  }

  /** Positions of the examples of each cluster, the clusters in the order of their first one. */
  static int[][] groups(MetricResult result, Map<String, String> clusters) {
    List<String> names = names(result, clusters);
    Map<String, List<Integer>> members = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      members.computeIfAbsent(names.get(i), name -> new ArrayList<>()).add(i);
    }
    return members.values().stream()
        .map(group -> group.stream().mapToInt(i -> i).toArray())
        .toArray(int[][]::new);
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
