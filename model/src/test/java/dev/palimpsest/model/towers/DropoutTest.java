package dev.palimpsest.model.towers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.WithKernels;
import dev.palimpsest.model.towers.Dropout.Branch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropoutTest extends WithKernels {
  private static final int DEPTH = 26;

  /**
   * Two and a half million masks, from the first position and from where the counter's high bits
   * change.
   */
  @ParameterizedTest
  @ValueSource(longs = {0, 1_000_000_000, (1L << 32) / (2 * DEPTH) - 25_000})
  void noTwoMasksShareASeedNorTheHalfOfItThatTheGeneratorReads(long from) {
    int positions = 50_000;
    long[] seeds = new long[positions * DEPTH * 2];
    int n = 0;
    for (long position = from; position < from + positions; position++) {
      Dropout dropout = new Dropout(0.1, 42, position);
      for (int block = 0; block < DEPTH; block++) {
        for (Branch branch : Branch.values()) {
          seeds[n++] = dropout.seed(block, DEPTH, branch);
        }
      }
    }
    assertDistinct(seeds);
    int[] read = new int[n];
    Arrays.setAll(read, i -> (int) seeds[i]);
    Arrays.sort(read);
    int equal = 0;
    for (int i = 1; i < n; i++) {
      equal += read[i] == read[i - 1] ? 1 : 0;
    }
    // Within 2^32 counts there are none. Where the range crosses into the next 2^32 counts, the two
    // parts are random to each other: about n^2 / 4 / 2^32 = 390 pairs meet, far from each other.
    boolean crosses = (from * DEPTH * 2) >>> 32 != ((from + positions) * DEPTH * 2) >>> 32;
    assertTrue(equal <= (crosses ? 500 : 0), equal + " equal");
  }

  private static void assertDistinct(long[] seeds) {
    long[] sorted = seeds.clone();
    Arrays.sort(sorted);
    for (int i = 1; i < sorted.length; i++) {
      assertNotEquals(sorted[i - 1], sorted[i]);
    }
  }

  @Test
  void runsAndPositionsFarApartHaveOtherMasks() {
    long seed = new Dropout(0.1, 1, 7).seed(3, DEPTH, Branch.MLP);
    assertNotEquals((int) seed, (int) new Dropout(0.1, 2, 7).seed(3, DEPTH, Branch.MLP));
    // A stage's name comes in by the high half of the seed.
    assertNotEquals(
        (int) seed, (int) new Dropout(0.1, 1 + (9L << 32), 7).seed(3, DEPTH, Branch.MLP));
    assertNotEquals(
        (int) seed, (int) new Dropout(0.1, 1, 7 + (1L << 32)).seed(3, DEPTH, Branch.MLP));
  }

  /** Why the low half must differ. */
  @Test
  void theGeneratorReadsTheLowHalfOfASeed() {
    NDArray ones = manager.ones(new Shape(1_000));
    assertArrayEquals(
        kernels.array(manager, "drop", ones, 0.5, 3L).toFloatArray(),
        kernels.array(manager, "drop", ones, 0.5, 3L + (1L << 32)).toFloatArray());
  }

  /** Of neighbours in position, block and branch, and of what sums of them would mix up. */
  @Test
  void masksOfNeighboursAreUncorrelated() {
    int n = 200_000;
    NDArray ones = manager.ones(new Shape(n));
    List<float[]> masks = new ArrayList<>();
    for (long position = 96; position < 100; position++) {
      Dropout dropout = new Dropout(0.5, 42, position);
      for (int block = 0; block < 3; block++) {
        for (Branch branch : Branch.values()) {
          long seed = dropout.seed(block, 3, branch);
          masks.add(kernels.array(manager, "drop", ones, 0.5, seed).toFloatArray());
        }
      }
    }
    // Means of n products of signs: deviation n^-0.5; 276 pairs stay within five of them.
    double bound = 5 / Math.sqrt(n);
    for (int i = 0; i < masks.size(); i++) {
      for (int j = 0; j < i; j++) {
        double sum = 0;
        for (int k = 0; k < n; k++) {
          sum += (masks.get(i)[k] - 1) * (masks.get(j)[k] - 1); // 0 or 2, less the mean of 1
        }
        assertEquals(0, sum / n, bound, i + " and " + j);
      }
    }
  }

  @Test
  void ratesOutsideTheRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Dropout(1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Dropout(-0.1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Dropout(Double.NaN, 0, 0));
  }
}
