package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ParameterGroupConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BareStageTest {
  private static final OptimizerConfig OPTIMIZER =
      new OptimizerConfig(
          0.1 + 0.2,
          0.9,
          0.95,
          1e-30,
          1.0,
          Math.PI / 4,
          "(vision|language)/.*/kernel",
          new ScheduleConfig.Constant(3, 0),
          Map.of("vision", new ParameterGroupConfig(null, 0, null, false)),
          null,
          null);

  @Test
  void whatIsSaidIsBoundToTheBitAndTheRestIsARecipesDefault() {
    StageConfig stage =
        BareStage.of(
            "s", 32, 28, 8, 16, 4, Precision.BF16, Map.of("b", 1 / 3.0, "a", 2.0), OPTIMIZER);
    assertEquals(OPTIMIZER, stage.optimizer());
    assertEquals(Map.of("a", 2.0, "b", 1 / 3.0), stage.mixture());
    assertEquals(32, stage.examples());
    assertEquals(28, stage.resolution());
    assertEquals(8, stage.textTokens());
    assertEquals(16, stage.batchSize());
    assertEquals(4, stage.microBatchSize());
    assertEquals(Precision.BF16, stage.precision());
    assertEquals(List.of(), stage.evaluate().suites());
    assertEquals(Set.of(), stage.export().formats());

    StageConfig written =
        Recipes.bind(
                """
                name: r
                tokenizer: {path: t}
                model:
                  vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 14}
                  language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2,
                    keyValueHeads: 1, headDim: 8, queryScalar: 8}
                stages:
                  - {name: s, init: {checkpoint: c}, resolution: 28, textTokens: 8}
                """,
                "r.yaml",
                List.of(),
                Map.of())
            .stages()
            .get(0);
    assertEquals(written.image(), stage.image());
    assertEquals(written.handOver(), stage.handOver());
    assertEquals(written.guard(), stage.guard());
    assertEquals(written.checkpoint(), stage.checkpoint());
    assertEquals(written.packTo(), stage.packTo());
    assertEquals(written.dropout(), stage.dropout());
  }

  @Test
  void aStageThatDoesNotTrainNeedsNoOptimizer() {
    assertNull(
        BareStage.of("s", 0, 14, 8, 1, 1, Precision.F32, Map.of("a", 1.0), null).optimizer());
    assertThrows(
        InvalidConfigException.class,
        () -> BareStage.of("s", 4, 14, 8, 1, 1, Precision.F32, Map.of("a", 1.0), null));
  }
}
