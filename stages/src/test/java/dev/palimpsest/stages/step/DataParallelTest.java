package dev.palimpsest.stages.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.RanksConfig.ReductionOrder;
import dev.palimpsest.configs.RanksConfig.Sharding;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.RankGrid;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DataParallelTest {
  /** Two ranks that speak one after the other: the first one's words wait for the second. */
  private static final class Two {
    final Deque<byte[]> said = new ArrayDeque<>();

    Collectives rank(int rank) {
      return (Collectives)
          Proxy.newProxyInstance(
              DataParallelTest.class.getClassLoader(),
              new Class<?>[] {Collectives.class},
              (self, method, arguments) ->
                  switch (method.getName()) {
                    case "rank" -> rank;
                    case "size" -> 2;
                    case "isAlone" -> false;
                    case "any" -> true;
                    case "gather" -> gather(rank, (byte[]) arguments[0]);
                    default -> throw new UnsupportedOperationException(method.getName());
                  });
    }

    private List<byte[]> gather(int rank, byte[] bytes) {
      if (rank == 0) {
        said.add(bytes);
        return List.of(bytes, bytes);
      }
      return List.of(said.remove(), bytes);
    }

    DataParallel parallel(int rank, Sharding sharding, ReductionOrder order) {
      return new DataParallel(RankGrid.of(rank(rank), 0, false), sharding, order);
    }
  }

  @Test
  void whatRanksFoundIsInTheOrderOfMicroBatchesWhoeverHadThem() {
    Two two = new Two();
    List<DataParallel.Skips> first = new ArrayList<>();
    List<DataParallel.Skips> second = new ArrayList<>();
    // Micro batches of four: the first rank has those at 0, 12 and 16, the second the others.
    for (long index : new long[] {0, 12, 16}) {
      first.add(new DataParallel.Skips(index, List.of(skipped(index), skipped(index + 1))));
    }
    for (long index : new long[] {4, 8, 20}) {
      second.add(new DataParallel.Skips(index, index == 8 ? List.of() : List.of(skipped(index))));
    }
    two.parallel(0, Sharding.NONE, ReductionOrder.FASTEST).skipped(first);
    List<Long> positions =
        two.parallel(1, Sharding.NONE, ReductionOrder.FASTEST).skipped(second).stream()
            .map(Skipped::position)
            .toList();
    assertEquals(List.of(0L, 1L, 4L, 12L, 13L, 16L, 17L, 20L), positions);
  }

  private static Skipped skipped(long position) {
    return new Skipped(position, 1, "task", position, "bad");
  }

  @Test
  void picturesAreBalancedWhereRanksDoNotMeetInEveryRound() {
    Two two = new Two();
    assertTrue(two.parallel(1, Sharding.NONE, ReductionOrder.FASTEST).share().isBalanced());
    assertTrue(two.parallel(1, Sharding.OPTIMIZER, ReductionOrder.FASTEST).share().isBalanced());
    assertFalse(two.parallel(1, Sharding.GRADIENTS, ReductionOrder.FASTEST).share().isBalanced());
    assertFalse(two.parallel(1, Sharding.NONE, ReductionOrder.FIXED).share().isBalanced());
  }

  @Test
  void theFixedOrderTakesAnExchangeForEachMicroBatchOfARank() {
    Two two = new Two();
    StageConfig four = BareStage.of(StepSizes.TINY, Precision.F32, 4); // micro batches
    assertEquals(2, two.parallel(0, Sharding.NONE, ReductionOrder.FIXED).exchangesInOrder(four));
    assertEquals(0, two.parallel(0, Sharding.NONE, ReductionOrder.FASTEST).exchangesInOrder(four));
    assertEquals(
        0, two.parallel(0, Sharding.GRADIENTS, ReductionOrder.FIXED).exchangesInOrder(four));
    assertEquals(0, DataParallel.NONE.exchangesInOrder(four));
  }

  @Test
  void aStepThatCannotBeDividedIsRefusedWithAMicroBatchThatCan() {
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () ->
                new Two()
                    .parallel(0, Sharding.NONE, ReductionOrder.FASTEST)
                    .require(BareStage.of(StepSizes.TINY, Precision.F32)));
    assertEquals("stages.bench.microBatch", refused.problems().get(0).path());
    assertEquals(
        "the 1 micro batches of a step (batchSize 4 / microBatch 4) cannot be divided evenly among 2 ranks; with microBatch 2 they can",
        refused.problems().get(0).message());
  }

  @Test
  void gradientsThatAreRecomputedCannotBeExchanged() {
    StageConfig stage =
        Recipes.bind(
                """
                name: twice
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
                    mixture: {a: 1}
                    optimizer: {learningRate: 1, schedule: {constant: {}}}
                    storage: {gradients: recomputed}
                """,
                "test",
                List.of(),
                Map.of())
            .stages()
            .get(0);
    assertEquals(List.of(), Divisible.problems(stage, Sharding.NONE, 1));
    assertEquals(
        List.of(
            new Problem(
                "stages.s.storage.gradients",
                "must be memory or disk, because gradients that are recomputed cannot be exchanged"
                    + " by the 2 ranks")),
        Divisible.problems(stage, Sharding.NONE, 2));
  }
}
