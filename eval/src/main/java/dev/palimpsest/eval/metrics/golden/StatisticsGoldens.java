package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.Statistics;
import java.util.ArrayList;
import java.util.List;

/** Golden standard errors. */
final class StatisticsGoldens {
  private static final MetricId ID = new MetricId("statistics", "lmms_eval", 1);

  private StatisticsGoldens() {}

  static void errors(JsonNode file, GoldenComparison comparison) {
    for (JsonNode example : file.path("cases")) {
      JsonNode expected = example.path("expected");
      if (example.has("stderrs")) {
        long[] sizes = new long[example.path("sizes").size()];
        for (int i = 0; i < sizes.length; i++) {
          sizes[i] = example.path("sizes").get(i).longValue();
        }
        comparison.number(
            ID,
            "pooled_sample_stderr",
            expected.path("pooled_sample_stderr"),
            Statistics.pooledStandardError(doubles(example.path("stderrs")), sizes));
        continue;
      }
      double[] scores = doubles(example.path("scores"));
      List<Integer> clusters = new ArrayList<>();
      example.path("clusters").forEach(c -> clusters.add(c.intValue()));
      comparison.number(ID, "mean", expected.path("mean"), Statistics.mean(scores));
      comparison.number(
          ID,
          "sample_stddev",
          expected.path("sample_stddev"),
          Statistics.standardDeviation(scores).orElse(Double.NaN));
      comparison.number(
          ID,
          "mean_stderr",
          expected.path("mean_stderr"),
          Statistics.standardError(scores).orElse(Double.NaN));
      comparison.number(
          ID,
          "clustered_stderr",
          expected.path("clustered_stderr"),
          Statistics.clusteredStandardError(scores, clusters).orElse(Double.NaN));
    }
  }

  static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).doubleValue();
    }
    return values;
  }
}
