package dev.palimpsest.mixtures.order;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.order.MixtureOrder.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MixtureOrderTest {
  private static final List<Double> WEIGHTS = List.of(3.0, 0.0, 1.0, 0.7);
  private static final List<Long> SIZES = List.of(1000L, 5L, 1L, 77L);

  @Test
  void sharesAreExactInEveryBlock() {
    MixtureOrder order = new MixtureOrder(1, "stage1", List.of(2.0, 1.0, 1.0), List.of(9L, 9L, 9L));
    for (long block : new long[] {0, 1, 12345}) {
      int[] counts = new int[3];
      for (long i = block * MixtureOrder.BLOCK; i < (block + 1) * MixtureOrder.BLOCK; i++) {
        counts[order.at(i).task()]++;
      }
      int quarter = MixtureOrder.BLOCK / 4;
      assertArrayEquals(new int[] {2 * quarter, quarter, quarter}, counts);
    }
  }

  @Test
  void sharesThatDoNotDivideTheBlockAreRoundedByLargestRemainder() {
    MixtureOrder order = new MixtureOrder(1, "s", List.of(1.0, 1.0, 1.0), List.of(1L, 1L, 1L));
    int[] counts = new int[3];
    for (int i = 0; i < MixtureOrder.BLOCK; i++) {
      counts[order.at(i).task()]++;
    }
    assertArrayEquals(new int[] {21846, 21845, 21845}, counts);
  }

  @Test
  void shortStretchesHoldAboutTheirShareToo() {
    MixtureOrder order = new MixtureOrder(5, "s", List.of(1.0, 3.0), List.of(10L, 10L));
    for (int start = 0; start < 40_000; start += 1000) {
      long first =
          LongStream.range(start, start + 1000).filter(i -> order.at(i).task() == 0).count();
      // 250 expected with a standard deviation of 14 if places were drawn; six of them.
      assertEquals(250.0, (double) first, 84.0);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -7, 42})
  void everyTaskGoesThroughItsSourceOnceAnEpochAndEpochsDoNotMix(long seed) {
    MixtureOrder order = new MixtureOrder(seed, "stage1", WEIGHTS, SIZES);
    Map<Integer, List<Position>> seen = new TreeMap<>();
    for (long i = 0; i < 100_000; i++) {
      Position position = order.at(i);
      seen.computeIfAbsent(position.task(), task -> new ArrayList<>()).add(position);
    }
    assertEquals(Set.of(0, 2, 3), seen.keySet());
    seen.forEach(
        (task, positions) -> {
          int size = SIZES.get(task).intValue();
          for (int from = 0; from + size <= positions.size(); from += size) {
            List<Position> epoch = positions.subList(from, from + size);
            long[] examples = epoch.stream().mapToLong(Position::example).sorted().toArray();
            assertArrayEquals(LongStream.range(0, size).toArray(), examples);
            int number = from / size;
            assertTrue(epoch.stream().allMatch(position -> position.epoch() == number));
          }
        });
  }

  @Test
  void epochsAreShuffledDifferently() {
    MixtureOrder order = new MixtureOrder(3, "s", List.of(1.0), List.of(100L));
    Set<List<Long>> orders = new HashSet<>();
    for (int epoch = 0; epoch < 20; epoch++) {
      long start = 100L * epoch;
      orders.add(
          LongStream.range(start, start + 100).map(i -> order.at(i).example()).boxed().toList());
    }
    assertEquals(20, orders.size());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 6, 8})
  void anyNumberOfWorkersTogetherSeeTheSameGlobalOrder(int workers) {
    MixtureOrder order = new MixtureOrder(11, "stage2", WEIGHTS, SIZES);
    int batch = 24;
    List<Position> together = new ArrayList<>();
    for (int step = 0; step < 10; step++) {
      for (int worker = 0; worker < workers; worker++) {
        // A worker makes its own order and takes its slice of each global batch.
        MixtureOrder own = new MixtureOrder(11, "stage2", WEIGHTS, SIZES);
        int share = batch / workers;
        long start = (long) step * batch + (long) worker * share;
        LongStream.range(start, start + share).forEach(i -> together.add(own.at(i)));
      }
    }
    assertEquals(LongStream.range(0, 10L * batch).mapToObj(order::at).toList(), together);
  }

  @Test
  void aFarPositionIsReachedAtOnce() {
    MixtureOrder order =
        new MixtureOrder(1, "stage1", List.of(1.0, 2.5), List.of(1_000_000_000L, 3L));
    assertTimeoutPreemptively(
        Duration.ofSeconds(1),
        () -> {
          for (long i = 1_000_000_000L; i < 1_000_010_000L; i++) {
            order.at(i);
          }
          order.at(Long.MAX_VALUE);
        });
  }

  @Test
  void seedsAndStagesGiveOtherOrders() {
    Map<List<Position>, String> orders = new HashMap<>();
    for (long seed : new long[] {0, 1, 2}) {
      for (String stage : List.of("stage1", "stage2", "")) {
        MixtureOrder order = new MixtureOrder(seed, stage, WEIGHTS, SIZES);
        orders.put(LongStream.range(0, 50).mapToObj(order::at).toList(), seed + stage);
      }
    }
    assertEquals(9, orders.size());
  }

  @Test
  void theOrderStaysWhatItWasWhenCheckpointsWereWritten() {
    // Frozen: a resumed run relies on it. A change must be deliberate and breaks resuming.
    MixtureOrder order = new MixtureOrder(1234, "stage1", WEIGHTS, SIZES);
    List<String> found =
        LongStream.of(0, 1, 2, 65_536, 1_000_000_000L)
            .mapToObj(order::at)
            .map(p -> p.task() + "/" + p.example() + "/" + p.epoch())
            .toList();
    assertEquals(List.of("0/522/0", "2/0/0", "0/294/0", "0/464/41", "0/668/638290"), found);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 7, 16, 17, 100, 1023, 1025, 5000})
  void thePermutationHitsEveryPositionOnce(int size) {
    for (long key : new long[] {0, 1, -1, new Random(size).nextLong()}) {
      int[] images =
          IntStream.range(0, size).map(i -> (int) Permutation.at(i, size, key)).toArray();
      Arrays.sort(images);
      assertArrayEquals(IntStream.range(0, size).toArray(), images);
    }
  }

  @Test
  void thePermutationLeavesNoTrend() {
    int size = 1 << 14;
    double correlation = 0;
    for (int i = 0; i < size; i++) {
      correlation += (i - size / 2.0) * (Permutation.at(i, size, 99) - size / 2.0);
    }
    // Of a random permutation the correlation has a standard deviation of 1 / sqrt(size) = 0.0078.
    assertEquals(0, correlation / (Math.pow(size, 3) / 12), 0.04);
  }

  @Test
  void impossibleWeightsAreRefused() {
    assertSays(refused(List.of(0.0, 0.0)), "at least one weight must be positive");
    assertSays(refused(List.of(1.0, -1.0)), "not negative");
    assertSays(refused(List.of(1.0, Double.NaN)), "finite");
    assertSays(refused(List.of(1.0, 1e-9)), "task 1 is too small", "65536");
  }

  @Test
  void aWeightedTaskWithoutExamplesIsRefused() {
    assertSays(
        assertThrows(
            IllegalArgumentException.class,
            () -> new MixtureOrder(0, "s", List.of(1.0, 1.0), List.of(5L, 0L))),
        "task 1",
        "no examples");
  }

  private static IllegalArgumentException refused(List<Double> weights) {
    return assertThrows(
        IllegalArgumentException.class, () -> new MixtureOrder(0, "s", weights, List.of(5L, 5L)));
  }
}
