package dev.palimpsest.eval.metrics.captions;

import dev.palimpsest.eval.metrics.PythonText;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Assigns numbers to the n-grams of a corpus. An n-gram is represented by the n-gram before its
 * last word and that word, two numbers in one long, so that n-grams are never lists of strings.
 */
public final class NgramIndex {
  /** The longest n-grams have this many words. */
  public static final int ORDERS = 4;

  private final Map<String, Integer> words = new HashMap<>();
  private long[] keys = new long[1 << 12];
  private int[] values = new int[1 << 12];
  private int pairs;
  private int next;

  /** The number of n-grams so far; their numbers start at 0. */
  int size() {
    return next;
  }

  /**
   * The n-grams of a text.
   *
   * @return by order from 1: numbers in ascending order, repeated as often as the n-gram occurs
   */
  int[][] ngrams(String text) {
    List<String> split = PythonText.split(text);
    int[] word = new int[split.size()];
    for (int i = 0; i < word.length; i++) {
      word[i] = words.computeIfAbsent(split.get(i), w -> next++);
    }
    int[][] orders = new int[ORDERS][];
    int[] shorter = word;
    for (int n = 1; n <= ORDERS; n++) {
      int[] grams = n == 1 ? word.clone() : new int[Math.max(0, word.length - n + 1)];
      if (n > 1) {
        for (int i = 0; i < grams.length; i++) {
          grams[i] = pair(shorter[i], word[i + n - 1]);
        }
        shorter = grams.clone();
      }
      Arrays.sort(grams);
      orders[n - 1] = grams;
    }
    return orders;
  }

  /** The number of a pair, assigned at its first occurrence; open addressing. */
  private int pair(int shorter, int word) {
    long key = ((long) shorter << 32 | word) + 1; // 0 marks a free slot
    int mask = keys.length - 1;
    int slot = (int) ((key * 0x9E3779B97F4A7C15L) >>> 32) & mask;
    while (keys[slot] != 0) {
      if (keys[slot] == key) {
        return values[slot];
      }
      slot = (slot + 1) & mask;
    }
    keys[slot] = key;
    values[slot] = next++;
    int value = values[slot];
    if (++pairs * 2 > keys.length) {
      grow();
    }
    return value;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldValues = values;
    keys = new long[oldKeys.length * 2];
    values = new int[keys.length];
    int mask = keys.length - 1;
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        int slot = (int) ((oldKeys[i] * 0x9E3779B97F4A7C15L) >>> 32) & mask;
        while (keys[slot] != 0) {
          slot = (slot + 1) & mask;
        }
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
