package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  private static List<MetricRecord> answers(int right, int wrong) {
    List<MetricRecord> records = new ArrayList<>();
    for (int i = 0; i < right + wrong; i++) {
      records.add(
          new MetricRecord(
              "q" + i,
              i < right ? "yes" : "no",
              List.of("yes"),
              Map.of("image", TextNode.valueOf("image" + i / 2))));
    }
    return records;
  }

  @Test
  void oneScoreHasNoStandardError() {
    assertTrue(Statistics.standardError(new double[] {1}).isEmpty());
  }

  @Test
  void clustersOfOneAreThePlainStandardError() {
    double[] scores = {1, 0, 0.5, 0.25};
    assertEquals(
        Statistics.standardError(scores).orElseThrow(),
        Statistics.clusteredStandardError(scores, List.of(1, 2, 3, 4)).orElseThrow(),
        1e-15);
  }

  /**
   * Normal approximation: 0.8 +- 1.96 * sqrt(0.16 / 400), and 1000 resamples are a little noisy.
   */
  @Test
  void theIntervalOfAMeanIsNearTheNormalOne() {
    Bootstrap.Interval interval =
        Metrics.find("exact_match").score(answers(320, 80)).interval(Bootstrap.STANDARD);
    assertEquals(0.8 - 0.0392, interval.low(), 0.006);
    assertEquals(0.8 + 0.0392, interval.high(), 0.006);
  }

  @Test
  void theSameSeedGivesTheSameInterval() {
    MetricResult result = Metrics.find("exact_match").score(answers(30, 20));
    Bootstrap other = new Bootstrap(1000, 1, 0.9);
    assertEquals(result.interval(other), result.interval(new Bootstrap(1000, 1, 0.9)));
    assertNotEquals(result.interval(Bootstrap.STANDARD), result.interval(other));
  }

  @Test
  void whatIsUndefinedIsNullInJson() {
    List<MetricRecord> one = answers(1, 0);
    ScoreReport report =
        ScoreReport.of(Metrics.find("exact_match").score(one), Map.of(), Bootstrap.STANDARD);
    assertTrue(report.toJson().path("standard_error").isNull());
    assertEquals(1, report.toJson().path("value").doubleValue());
  }

  @Test
  void questionsOnOneImageWidenTheError() {
    List<MetricRecord> records = answers(20, 20);
    ScoreReport report =
        ScoreReport.of(
            Metrics.find("exact_match").score(records), byImage(records), Bootstrap.STANDARD);
    // Both questions of an image agree: as many independent scores as images.
    assertTrue(
        report.clusteredStandardError().orElseThrow() > 1.3 * report.standardError().orElseThrow());
    assertTrue(report.toText().contains("clustered stderr"), report.toText());
  }

  @Test
  void anIntervalIsAsWideAsTheClusteredError() {
    List<MetricRecord> records = answers(200, 200);
    MetricResult result = Metrics.find("exact_match").score(records);
    ScoreReport report = ScoreReport.of(result, byImage(records), Bootstrap.STANDARD);
    double half = (report.interval().high() - report.interval().low()) / 2;
    // 1.96 standard errors; 1000 resamples are a little noisy.
    assertEquals(1.96 * report.clusteredStandardError().orElseThrow(), half, 0.006);
    assertEquals(
        result.interval(Bootstrap.STANDARD),
        ScoreReport.of(result, alone(records), Bootstrap.STANDARD).interval());
  }

  @Test
  void languagesAskedAboutOnePictureAreDrawnTogether() {
    List<MetricRecord> records = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      for (String language : List.of("de", "id")) {
        records.add(
            new MetricRecord(
                i + "_" + language,
                i % 2 == 0 ? "yes" : "no",
                List.of("yes"),
                Map.of(
                    "language", TextNode.valueOf(language),
                    "image", TextNode.valueOf("image" + i))));
      }
    }
    ScoreReport report =
        ScoreReport.of(
            Metrics.find("exact_match_by_language:official").score(records),
            byImage(records),
            Bootstrap.STANDARD);
    // Both languages agree: 100 independent scores of standard deviation 0.5, not 200.
    assertEquals(0.05, report.clusteredStandardError().orElseThrow(), 0.005);
    assertEquals(0.05 / Math.sqrt(2), report.standardError().orElseThrow(), 0.004);
  }

  private static Map<String, String> byImage(List<MetricRecord> records) {
    return records.stream()
        .collect(Collectors.toMap(MetricRecord::id, r -> r.require("image").asText()));
  }

  private static Map<String, String> alone(List<MetricRecord> records) {
    return records.stream().collect(Collectors.toMap(MetricRecord::id, MetricRecord::id));
  }
}
