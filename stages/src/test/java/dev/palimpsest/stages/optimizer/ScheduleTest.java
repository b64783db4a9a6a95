package dev.palimpsest.stages.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.ScheduleConfig;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ScheduleTest {
  /** Reference values are float64; the reference itself asks for rtol 1e-5, we are float64 too. */
  private static final double RELATIVE = 1e-9;

  static Stream<JsonNode> referenceCurves() throws IOException {
    try (InputStream in = ScheduleTest.class.getResourceAsStream("/golden/schedules.json")) {
      List<JsonNode> curves = new ArrayList<>();
      new ObjectMapper().readTree(in).forEach(curves::add);
      return curves.stream();
    }
  }

  @ParameterizedTest
  @MethodSource("referenceCurves")
  void followsBigVisionsCurves(JsonNode curve) {
    JsonNode c = curve.path("config");
    long warmup = curve.path("warmup_steps").asLong();
    long cooldown = curve.path("cooldown_steps").asLong();
    ScheduleConfig config =
        switch (c.path("decay_type").asText()) {
          case "rsqrt" ->
              new ScheduleConfig.Rsqrt(
                  warmup, c.path("timescale").asLong(10000), c.path("shift").asLong(0), cooldown);
          case "cosine" -> new ScheduleConfig.Cosine(warmup, cooldown);
          case "linear" ->
              new ScheduleConfig.Linear(warmup, cooldown, c.path("linear_end").asDouble(0), 1);
          case "polynomial" ->
              new ScheduleConfig.Linear(
                  warmup, cooldown, c.path("end").asDouble(0), c.path("power").asDouble(1));
          case "stair" -> {
            List<Long> at = new ArrayList<>();
            c.path("steps").forEach(s -> at.add(s.asLong()));
            List<Double> factors = new ArrayList<>();
            c.path("mults").forEach(m -> factors.add(m.asDouble()));
            yield new ScheduleConfig.Stair(warmup, cooldown, at, factors);
          }
          default -> throw new AssertionError(c);
        };
    double base = c.path("base").asDouble(1);
    if (c.path("scale_with_batchsize").asBoolean()) {
      base *= c.path("batch_size").asDouble() / 256;
    }
    Schedule schedule = new Schedule(config, c.path("total_steps").asLong());
    for (JsonNode point : curve.path("values")) {
      double expected = point.path("value").asDouble();
      assertEquals(
          expected,
          base * schedule.factor(point.path("step").asLong()),
          RELATIVE * Math.abs(expected) + 1e-12,
          () -> curve.path("name").asText() + " at " + point.path("step"));
    }
  }

  @Test
  void warmUpStartsAtZeroAndReachesOne() {
    Schedule schedule = new Schedule(new ScheduleConfig.Constant(100, 0), 1000);
    assertEquals(0, schedule.factor(0));
    assertEquals(0.5, schedule.factor(50));
    assertEquals(1, schedule.factor(100));
  }

  @Test
  void aWarmUpAsLongAsTheStageGivesFiniteFactors() {
    Schedule schedule = new Schedule(new ScheduleConfig.Cosine(100, 0), 100);
    assertTrue(Double.isFinite(schedule.factor(99)));
    assertTrue(Double.isFinite(schedule.factor(100)));
  }

  @Test
  void theCurveDoesNotDependOnTheBatchSize() {
    Schedule schedule = new Schedule(new ScheduleConfig.Rsqrt(0, 10_000, 0, 0), 1_000_000);
    assertEquals(1 / Math.sqrt(2), schedule.factor(10_000), 1e-12);
  }
}
