package dev.palimpsest.configs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Costs of a stage, and what its steps move between memory and disk. */
class StageCostTest {
  @Test
  void aStageCostsItsExamples() {
    StageConfig stage = BareStage.of(StepSizes.SMALL, Precision.F32);
    StageCost cost = StageCost.of(stage, StepSizes.SMALL.model());
    assertEquals(StepSizes.SMALL.flopsPerStep(), 4 * cost.example().withoutRecomputation());
    assertEquals(
        stage.examples() * cost.example().withRecomputation(), cost.total().withRecomputation());
  }

  /** By hand: 2 micro batches read parameters 2 + 2 + 1 times; gradients are written twice. */
  @Test
  void trafficCountsEveryPassOverWhatIsOnDisk() {
    Map<Use, Long> bytes = Map.of(Use.PARAMETERS, 4000L, Use.GRADIENTS, 400L, Use.MOMENTS, 80L);
    assertEquals(new StageCost.Traffic(0, 0), StageCost.traffic(stage("{}"), bytes));
    assertEquals(
        new StageCost.Traffic(5 * 4000, 4000),
        StageCost.traffic(stage("{parameters: disk, memoryGiB: 0}"), bytes));
    assertEquals(
        new StageCost.Traffic(5 * 4000 + 3 * 400 + 80, 4000 + 2 * 400 + 80),
        StageCost.traffic(
            stage("{parameters: disk, gradients: disk, moments: disk, memoryGiB: 0}"), bytes));
  }

  /** Two passes, forward and backward; the update uses what the second one has in memory. */
  @Test
  void recomputedGradientsReadParametersAgain() {
    StageConfig stage =
        stage(4, "{parameters: disk, gradients: recomputed, moments: disk, memoryGiB: 0}");
    assertEquals(
        new StageCost.Traffic(4 * 4000 + 80, 4000 + 80),
        StageCost.traffic(
            stage, Map.of(Use.PARAMETERS, 4000L, Use.GRADIENTS, 400L, Use.MOMENTS, 80L)));
  }

  @Test
  void gradientsOfSeveralMicroBatchesCannotBeRecomputed() {
    var e = assertThrows(InvalidConfigException.class, () -> stage(2, "{gradients: recomputed}"));
    String message = String.valueOf(e.getMessage());
    assertTrue(
        message.contains(
            "stages[0].storage.gradients: must be memory or disk, because gradients of a batch of 4"
                + " in micro batches of 2 are added up"),
        message);
  }

  /** 3 GiB, of which 1 is for what is read and written, so that 2 of 8 stay in memory. */
  @Test
  void whatStaysInMemoryIsNotMoved() {
    long gib = 1L << 30;
    StageConfig stage = stage("{parameters: disk, memoryGiB: 3}");
    assertEquals(
        new StageCost.Traffic(5 * 6 * gib, 6 * gib),
        StageCost.traffic(stage, Map.of(Use.PARAMETERS, 8 * gib)));
    assertEquals(
        new StageCost.Traffic(0, 0), StageCost.traffic(stage, Map.of(Use.PARAMETERS, 3 * gib)));
  }

  @Test
  void memoryIsNotNegative() {
    var e =
        assertThrows(
            InvalidConfigException.class, () -> stage("{parameters: disk, memoryGiB: -1}"));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("stages[0].storage.memoryGiB: must be"), message);
  }

  private static StageConfig stage(String storage) {
    return stage(2, storage);
  }

  private static StageConfig stage(int microBatch, String storage) {
    return Recipes.bind(
            """
            name: traffic
            tokenizer: {path: none}
            model: {vision: {preset: siglip-tiny/14}, language: {preset: gemma-tiny}}
            tasks: {a: {source: {jsonl: none}}}
            stages:
              - name: s
                init: {checkpoint: none}
                examples: 4
                resolution: 28
                textTokens: 4
                batchSize: 4
                microBatch: %d
                mixture: {a: 1}
                optimizer: {learningRate: 1, schedule: {constant: {}}}
                storage: %s
            """
                .formatted(microBatch, storage),
            "test",
            List.of(),
            Map.of())
        .stages()
        .get(0);
  }
}
