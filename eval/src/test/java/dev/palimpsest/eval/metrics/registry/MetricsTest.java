package dev.palimpsest.eval.metrics.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricInputException;
import java.util.List;
import org.junit.jupiter.api.Test;

class MetricsTest {
  @Test
  void aBareNameIsItsFirstVariant() {
    assertEquals("vqa:official", Metrics.find("vqa").id().key());
  }

  @Test
  void everyMetricIsFoundByItsOwnKey() {
    for (Metric metric : Metrics.all()) {
      assertEquals(metric, Metrics.find(metric.id().key()));
    }
  }

  @Test
  void anUnknownNameSuggestsTheNearestAndListsAll() {
    String message = messageFor("anlz");
    assertTrue(message.contains("nearest: \"anls\""), message);
    for (String name : Metrics.names()) {
      assertTrue(message.contains(name), message);
    }
  }

  @Test
  void anUnknownVariantListsTheVariants() {
    String message = messageFor("vqa:bigvision");
    assertTrue(message.contains("nearest: \"big_vision\""), message);
    assertTrue(message.contains("vlmevalkit"), message);
  }

  @Test
  void noMetricScoresNothing() {
    for (Metric metric : Metrics.all()) {
      assertThrows(
          MetricInputException.class, () -> metric.score(List.of()), () -> metric.id().key());
    }
  }

  private static String messageFor(String name) {
    return String.valueOf(
        assertThrows(MetricInputException.class, () -> Metrics.find(name)).getMessage());
  }
}
