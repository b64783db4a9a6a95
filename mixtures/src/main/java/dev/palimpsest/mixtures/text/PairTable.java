package dev.palimpsest.mixtures.text;

import dev.palimpsest.mixtures.order.SplitMix;
import java.util.Arrays;

/**
 * A hash table from two non-negative ints to a non-negative long. Open addressing without boxing: a
 * vocabulary has half a million merges, and every symbol pair of every text is looked up.
 */
final class PairTable {
  static final long MISSING = -1;

  private long[] keys;
  private long[] values;
  private int size;

  PairTable(int expected) {
    int capacity = Integer.highestOneBit(Math.max(8, expected)) << 2;
    keys = emptyKeys(capacity);
    values = new long[capacity];
  }

  long get(int first, int second) {
    return find((long) first << 32 | second);
  }

  void put(int first, int second, long value) {
    if (2 * size >= keys.length) {
      grow();
    }
    insert((long) first << 32 | second, value);
  }

  private long find(long key) {
    int mask = keys.length - 1;
    for (int slot = slot(key, mask); ; slot = (slot + 1) & mask) {
      if (keys[slot] == key) {
        return values[slot];
      }
      if (keys[slot] == MISSING) {
        return MISSING;
      }
    }
  }

  private void insert(long key, long value) {
    int mask = keys.length - 1;
    int slot = slot(key, mask);
    while (keys[slot] != MISSING && keys[slot] != key) {
      slot = (slot + 1) & mask;
    }
    if (keys[slot] == MISSING) {
      keys[slot] = key;
      size++;
    }
    values[slot] = value;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldValues = values;
    keys = emptyKeys(2 * oldKeys.length);
    values = new long[keys.length];
    size = 0;
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != MISSING) {
        insert(oldKeys[i], oldValues[i]);
      }
    }
  }

  private static long[] emptyKeys(int capacity) {
    long[] keys = new long[capacity];
    Arrays.fill(keys, MISSING);
    return keys;
  }

  private static int slot(long key, int mask) {
    return (int) SplitMix.mix(key) & mask;
  }
}
