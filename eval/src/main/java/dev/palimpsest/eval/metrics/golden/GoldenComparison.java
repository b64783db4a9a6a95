package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.golden.MetricCertification.Row;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects differences from golden numbers by metric and quantity. */
final class GoldenComparison {
  private record Key(String metric, String variant, String quantity) {}

  private static final class Tally {
    int compared;
    double largest;
    int textsThatDiffer;
  }

  private final Map<Key, Tally> tallies = new LinkedHashMap<>();

  /**
   * Scores records and compares the headline.
   *
   * @param expected a number, {@code "NaN"} or {@code "Infinity"}; anything else, such as the
   *     message of a reference program that failed, expects nothing
   */
  void headline(String metric, JsonNode expected, List<MetricRecord> records) {
    if (isNumber(expected)) {
      MetricResult result = Metrics.find(metric).score(records);
      number(result.metric(), result.quantity(), expected, result.value());
    }
  }

  /** Scores records and compares named quantities: golden name to the metric's own. */
  void quantities(
      String metric, JsonNode expected, Map<String, String> names, List<MetricRecord> records) {
    MetricResult result = Metrics.find(metric).score(records);
    names.forEach(
        (golden, own) -> {
          if (isNumber(expected.path(golden))) {
            Double value = result.values().get(own);
            number(result.metric(), own, expected.path(golden), value == null ? Double.NaN : value);
          }
        });
  }

  void number(MetricId metric, String quantity, JsonNode expected, double actual) {
    if (!isNumber(expected)) {
      return;
    }
    double wanted =
        expected.isTextual() ? Double.parseDouble(expected.textValue()) : expected.doubleValue();
    boolean same = Double.compare(wanted, actual) == 0;
    double error = same ? 0 : Math.abs(wanted - actual);
    Tally tally = tally(metric, quantity);
    tally.compared++;
    // An undefined difference is never within a tolerance.
    tally.largest = Math.max(tally.largest, Double.isNaN(error) ? Double.MAX_VALUE : error);
  }

  void text(MetricId metric, String quantity, String expected, String actual) {
    Tally tally = tally(metric, quantity);
    tally.compared++;
    tally.textsThatDiffer += expected.equals(actual) ? 0 : 1;
    tally.largest = (double) tally.textsThatDiffer / tally.compared;
  }

  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    tallies.forEach(
        (key, tally) ->
            rows.add(
                new Row(
                    key.metric,
                    key.variant,
                    key.quantity,
                    tally.compared,
                    tally.largest,
                    MetricCertification.TOLERANCE)));
    return rows;
  }

  static boolean isNumber(JsonNode node) {
    return node.isNumber()
        || (node.isTextual() && List.of("NaN", "Infinity", "-Infinity").contains(node.textValue()));
  }

  private Tally tally(MetricId metric, String quantity) {
    return tallies.computeIfAbsent(
        new Key(metric.name(), metric.variant(), quantity), k -> new Tally());
  }
}
