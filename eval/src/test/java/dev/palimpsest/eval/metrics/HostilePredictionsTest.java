package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.eval.metrics.answers.RelaxedAccuracy;
import dev.palimpsest.eval.metrics.captions.CaptionMetric;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A model may write anything. 100 kB of a repeated piece would take a pattern that tries every end
 * for every beginning minutes, and one that calls itself for every repetition all of the stack.
 */
class HostilePredictionsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.",
        "1",
        "1_",
        "1.",
        "1,",
        "1e",
        "1 ",
        "-",
        "-1",
        "%",
        "% ",
        " ",
        "\t",
        "\u00a0",
        "[",
        "[ ",
        "[1, ",
        "1, 2, ",
        "(",
        "(a)",
        "(a",
        "{",
        "\"",
        "'",
        "can't ",
        "the answer is a",
        "A.",
        "A",
        "yes",
        "<loc0001>",
        "<loc0001><loc0002><loc0003><loc0004>",
        "<seg001>",
        "<seg001",
        ";",
        "<loc0001><loc0002><loc0003><loc0004> a ;",
        "\uFF11",
        "\u0661",
        "e\u0301",
        "\ud83d\ude00",
        "nan",
        "inf",
        "\u0000",
      })
  void everyMetricReadsAHundredKilobytesQuickly(String part) {
    String text = part.repeat(100_000 / part.length());
    // The twelve caption metrics cut their texts alike.
    List<Metric> metrics =
        Metrics.all().stream()
            .filter(m -> !(m instanceof CaptionMetric) || m.id().key().equals("cider:official"))
            .toList();
    assertTrue(metrics.size() > 20);
    for (Metric metric : metrics) {
      for (String prediction : List.of(text, "5" + text + "x")) {
        MetricRecord record = new MetricRecord("1", prediction, List.of("cat"));
        assertTimeoutPreemptively(
            Duration.ofSeconds(10),
            () -> scoreIfPossible(metric, record),
            () -> metric.id().key() + " of many " + part);
      }
    }
  }

  /** Many metrics want other fields beside a prediction; some of those read the text first. */
  private static void scoreIfPossible(Metric metric, MetricRecord record) {
    try {
      metric.score(List.of(record));
    } catch (MetricInputException e) {
      assertTrue(String.valueOf(e.getMessage()).length() < 1000, "a message as long as the text");
    }
  }

  @Test
  void longNumbersAreNumbers() {
    assertEquals(OptionalDouble.of(1), PythonText.toFloat("0_".repeat(50_000) + "1"));
    assertEquals(OptionalDouble.empty(), PythonText.toFloat("1_".repeat(50_000)));
    assertEquals(
        OptionalDouble.of(Double.POSITIVE_INFINITY), PythonText.toFloat("1" + "_0".repeat(50_000)));
    assertEquals(OptionalDouble.empty(), RelaxedAccuracy.number("%".repeat(100_000) + "x%"));
    assertEquals(OptionalDouble.of(0.05), RelaxedAccuracy.number("5" + "%".repeat(100_000)));
  }
}
