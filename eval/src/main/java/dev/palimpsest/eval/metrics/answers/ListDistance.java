package dev.palimpsest.eval.metrics.answers;

import java.util.Arrays;
import java.util.OptionalInt;

/**
 * The least edit distance of a text to a list in any order of its items. Orders are tried item by
 * item with one row of the distance's table for what is written so far, and given up as soon as the
 * rest cannot be better than the best.
 */
final class ListDistance {
  private static final String SEPARATOR = ", ";

  /** Of more items there are millions of orders, and big_vision's own reader would not end. */
  private static final int MOST_ITEMS = 9;

  private final int[] text;
  private final int[][] items; // with the separator in front, but for the first that is written
  private final boolean[] written;
  private int best;

  private ListDistance(int[] text, int[][] items) {
    this.text = text;
    this.items = items;
    this.written = new boolean[items.length];
    this.best = Integer.MAX_VALUE;
  }

  /**
   * In code points.
   *
   * @return empty where the list is none, or one of more than nine items
   */
  static OptionalInt least(String text, String list) {
    String[] items = list.split(SEPARATOR, -1);
    if (items.length < 2 || items.length > MOST_ITEMS) {
      return OptionalInt.empty();
    }
    int[][] points = new int[items.length][];
    for (int i = 0; i < items.length; i++) {
      points[i] = (SEPARATOR + items[i]).codePoints().toArray();
    }
    ListDistance distance = new ListDistance(text.codePoints().toArray(), points);
    int[] row = new int[distance.text.length + 1];
    Arrays.setAll(row, j -> j);
    int length = Arrays.stream(points).mapToInt(item -> item.length).sum() - SEPARATOR.length();
    distance.write(row, length, 0);
    return OptionalInt.of(distance.best);
  }

  /**
   * Writes each item that is left.
   *
   * @param row distances of what is written to the beginnings of the text
   * @param left code points that are not written yet
   */
  private void write(int[] row, int left, int count) {
    if (count == items.length) {
      best = Math.min(best, row[text.length]);
      return;
    }
    int least = Integer.MAX_VALUE;
    for (int j = 0; j <= text.length; j++) {
      least = Math.min(least, row[j] + Math.abs(left - (text.length - j)));
    }
    if (least >= best) {
      return;
    }
    for (int i = 0; i < items.length; i++) {
      if (written[i] || isTriedAlready(i)) {
        continue;
      }
      written[i] = true;
      int from = count == 0 ? SEPARATOR.length() : 0;
      write(appended(row, items[i], from), left - (items[i].length - from), count + 1);
      written[i] = false;
    }
  }

  /** Whether the same item stands before and is free. */
  private boolean isTriedAlready(int item) {
    for (int i = 0; i < item; i++) {
      if (!written[i] && Arrays.equals(items[i], items[item])) {
        return true;
      }
    }
    return false;
  }

  private int[] appended(int[] row, int[] item, int from) {
    int[] above = row;
    for (int i = from; i < item.length; i++) {
      int[] below = new int[above.length];
      below[0] = above[0] + 1;
      for (int j = 1; j < below.length; j++) {
        int replaced = above[j - 1] + (text[j - 1] == item[i] ? 0 : 1);
        below[j] = Math.min(replaced, 1 + Math.min(above[j], below[j - 1]));
      }
      above = below;
    }
    return above;
  }
}
