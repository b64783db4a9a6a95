package dev.palimpsest.cli.certify;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.stages.optimizer.Schedule;
import java.util.ArrayList;
import java.util.List;

/**
 * Learning-rate schedules of big_vision (utils.py, create_learning_rate_schedule). The reference
 * counts steps, so schedules are computed here with one example per step.
 */
final class ScheduleChecks {
  private ScheduleChecks() {}

  /** Cases of schedules. */
  static CaseKind kind() {
    return new JsonCase(
        "learning-rate schedules",
        List.of(
            new JsonCase.Part(
                "schedules.json", (file, manager, kernels, report) -> all(file, report))));
  }

  private static void all(JsonNode file, Report report) {
    for (JsonNode entry : file) {
      String name = entry.path("name").asText();
      report.part("schedule " + name, () -> compare(name, entry, report));
    }
  }

  private static void compare(String name, JsonNode entry, Report report) {
    JsonNode config = entry.required("config");
    double base = config.path("base").asDouble(1);
    if (config.path("scale_with_batchsize").asBoolean()) {
      base *= config.required("batch_size").asDouble() / 256;
    }
    Schedule schedule =
        new Schedule(
            schedule(
                config,
                entry.required("warmup_steps").asLong(),
                entry.required("cooldown_steps").asLong(),
                base,
                1),
            config.required("total_steps").asLong());
    List<JsonNode> values = new ArrayList<>();
    entry.required("values").forEach(values::add);
    double[] expected = new double[values.size()];
    double[] actual = new double[values.size()];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = values.get(i).required("value").asDouble();
      actual[i] = base * schedule.factor(values.get(i).required("step").asLong());
    }
    report.check(
        "schedule " + name,
        Values.elementwise(actual, expected),
        Tolerance.ELEMENTWISE,
        expected.length + " steps");
  }

  /**
   * The reference's keyword arguments as one of the project's schedules.
   *
   * @param warmup in steps
   * @param cooldown in steps
   * @param base learning rate to which the reference's end value is relative
   * @param batch examples per step
   */
  static ScheduleConfig schedule(
      JsonNode config, long warmup, long cooldown, double base, int batch) {
    long warm = warmup * batch;
    long cool = cooldown * batch;
    String decay = config.required("decay_type").asText();
    return switch (decay) {
      case "rsqrt" ->
          new ScheduleConfig.Rsqrt(
              warm,
              duration(config, "timescale", 10_000) * batch,
              duration(config, "shift", 0) * batch,
              cool);
      case "cosine" -> new ScheduleConfig.Cosine(warm, cool);
      case "linear", "polynomial" ->
          new ScheduleConfig.Linear(
              warm,
              cool,
              config.path("end").asDouble(config.path("linear_end").asDouble(0)) / base,
              config.path("power").asDouble(1));
      case "stair" -> stair(config, warm, cool, batch);
      default ->
          throw new IllegalArgumentException(
              "decay_type '"
                  + decay
                  + "' is not supported; supported are rsqrt, cosine, linear, polynomial, stair");
    };
  }

  private static ScheduleConfig stair(JsonNode config, long warm, long cool, int batch) {
    List<Long> steps = new ArrayList<>();
    List<Double> factors = new ArrayList<>();
    config.path("steps").forEach(s -> steps.add(s.asLong() * batch));
    config.path("mults").forEach(m -> factors.add(m.asDouble()));
    return steps.isEmpty()
        ? new ScheduleConfig.Constant(warm, cool)
        : new ScheduleConfig.Stair(warm, cool, steps, factors);
  }

  /** {@code name}, or {@code name_steps, _examples, _epochs, _percent}, in steps. */
  private static long duration(JsonNode config, String name, long otherwise) {
    for (String key : new String[] {name, name + "_steps"}) {
      if (config.has(key)) {
        return config.get(key).asLong();
      }
    }
    double steps;
    if (config.has(name + "_examples")) {
      steps = config.get(name + "_examples").asDouble() / config.required("batch_size").asDouble();
    } else if (config.has(name + "_epochs")) {
      steps =
          config.get(name + "_epochs").asDouble()
              * config.required("data_size").asDouble()
              / config.required("batch_size").asDouble();
    } else if (config.has(name + "_percent")) {
      steps = config.get(name + "_percent").asDouble() * config.required("total_steps").asDouble();
    } else {
      return otherwise;
    }
    return steps == 0 ? 0 : Math.max(1, (long) Math.rint(steps));
  }
}
