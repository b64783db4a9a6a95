package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who takes which parts of a batch whose examples have different numbers of frames. */
class ShareTest {
  /** The readers' parts by round. */
  private static int[][] parts(int readers, long[] pictures, boolean balanced) {
    int[][] parts = new int[pictures.length / readers][readers];
    for (int round = 0; round < parts.length; round++) {
      for (int reader = 0; reader < readers; reader++) {
        parts[round][reader] = new Share(reader, readers, balanced).part(round, pictures);
      }
    }
    return parts;
  }

  private static long spread(int[][] parts, long[] pictures) {
    long[] loads = new long[parts[0].length];
    for (int[] round : parts) {
      for (int reader = 0; reader < loads.length; reader++) {
        loads[reader] += pictures[round[reader]];
      }
    }
    return Arrays.stream(loads).max().orElseThrow() - Arrays.stream(loads).min().orElseThrow();
  }

  @Test
  void videosAreSpreadOverReaders() {
    // One video of 16 frames, pairs of pictures, and single ones.
    long[] pictures = {16, 8, 4, 2, 2, 2, 1, 0};
    int[][] parts = parts(2, pictures, true);
    assertArrayEquals(new int[][] {{0, 1}, {3, 2}, {5, 4}, {7, 6}}, parts);
    assertEquals(20 - 15, spread(parts, pictures));
    assertEquals(23 - 12, spread(parts(2, pictures, false), pictures));
  }

  @Test
  void readersDifferByNoMoreThanPartsOfOneRound() {
    Random random = new Random(3);
    for (int trial = 0; trial < 300; trial++) {
      int readers = 1 + random.nextInt(8);
      int rounds = 1 + random.nextInt(9);
      int most = 1 + random.nextInt(20);
      long[] pictures =
          IntStream.range(0, readers * rounds)
              .map(i -> random.nextInt(3) == 0 ? random.nextInt(most + 1) : random.nextInt(3))
              .boxed()
              .sorted((a, b) -> b - a)
              .mapToLong(Integer::longValue)
              .toArray();
      int[][] parts = parts(readers, pictures, true);
      long bound = 0;
      for (int round = 0; round < rounds; round++) {
        int first = round * readers;
        assertArrayEquals(
            IntStream.range(first, first + readers).toArray(),
            Arrays.stream(parts[round]).sorted().toArray(),
            "each reader has one of the round's parts");
        bound = Math.max(bound, pictures[first] - pictures[first + readers - 1]);
      }
      assertTrue(spread(parts, pictures) <= bound, Arrays.toString(pictures) + " for " + readers);
    }
  }

  @Test
  void whoMeetsInEveryRoundTakesNeighboursInOrder() {
    assertArrayEquals(new int[][] {{0, 1}, {2, 3}}, parts(2, new long[] {9, 4, 4, 0}, false));
  }
}
