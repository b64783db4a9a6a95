package dev.palimpsest.mixtures.duplicates;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HashIndexTest {
  /** Enough hashes that small radii go through the buckets and large ones do not. */
  private static final int COUNT = 20_000;

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 4, 7, 11, 12, 15, 17, 40, 64})
  void findsWhatComparingWithEveryHashFinds(int radius) {
    Random random = new Random(radius);
    long[] hashes = random.longs(COUNT).toArray();
    for (int i = 0; i < COUNT / 2; i++) {
      hashes[COUNT / 2 + i] = flipped(hashes[i], random.nextInt(25), random);
    }
    HashIndex index = new HashIndex(hashes);
    for (int query = 0; query < 40; query++) {
      long hash = flipped(hashes[random.nextInt(COUNT)], random.nextInt(10), random);
      List<Integer> expected = new ArrayList<>();
      for (int i = 0; i < COUNT; i++) {
        if (Long.bitCount(hash ^ hashes[i]) <= radius) {
          expected.add(i);
        }
      }
      List<Integer> found = new ArrayList<>();
      index.near(hash, radius, found::add);
      Collections.sort(found);
      assertEquals(expected, found);
    }
  }

  private static long flipped(long hash, int bits, Random random) {
    long result = hash;
    for (int i = 0; i < bits; i++) {
      result ^= 1L << random.nextInt(64);
    }
    return result;
  }
}
