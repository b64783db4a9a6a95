package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Stages that only have a training step, for measuring and certifying it: no parent, no scores, no
 * exports. Everything else has the default of a recipe.
 */
public final class BareStage {
  private BareStage() {}

  /** A stage with these sizes; {@code optimizer} may be null if {@code examples} is 0. */
  public static StageConfig of(
      String name,
      long examples,
      int resolution,
      int textTokens,
      int batchSize,
      int microBatch,
      Precision precision,
      Map<String, Double> mixture,
      @Nullable OptimizerConfig optimizer) {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("name", name);
    said.put("init", Map.of("checkpoint", "none"));
    said.put("examples", examples);
    said.put("resolution", resolution);
    said.put("textTokens", textTokens);
    said.put("batchSize", batchSize);
    said.put("microBatch", microBatch);
    said.put("precision", precision);
    said.put("mixture", mixture);
    if (optimizer != null) {
      said.put("optimizer", optimizer);
    }
    said.put("evaluate", Map.of("before", false, "after", false));
    said.put("export", Map.of("formats", List.of()));
    List<Problem> problems = new ArrayList<>();
    Node node =
        YamlReader.value(
            ConfigYaml.flow(Canonical.of(said)), Place.all("the stage " + name), problems);
    return Binder.bindAlone(StageConfig.class, Objects.requireNonNull(node, problems::toString));
  }

  /** A benchmark's stage: everything trains, clip 1, Adam at a small constant rate. */
  public static StageConfig of(StepSizes bench, Precision precision) {
    return of(bench, precision, 1);
  }

  /** The same with several micro batches, each of the benchmark's size. */
  public static StageConfig of(StepSizes bench, Precision precision, int microBatches) {
    OptimizerConfig optimizer =
        new OptimizerConfig(
            1e-4,
            0.9,
            0.999,
            1e-8,
            1.0,
            1e-4,
            ".*/kernel",
            new ScheduleConfig.Constant(0, 0),
            Map.of(),
            null,
            null);
    return of(
        "bench",
        (long) microBatches * bench.batchSize(),
        bench.resolution(),
        bench.textTokens(),
        microBatches * bench.batchSize(),
        bench.batchSize(),
        precision,
        Map.of("bench", 1.0),
        optimizer);
  }
}
