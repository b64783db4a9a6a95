package dev.palimpsest.eval.metrics.answers;

import java.util.Arrays;
import java.util.OptionalInt;

/**
 * The least edit distance of a text to a list in any order of its items. Orders are tried item by
 * item with one row of the distance table for the items placed so far, and abandoned as soon as the
 * rest cannot improve on the best order.
 */
final class ListDistance {
  private static final String SEPARATOR = ", ";

  /** With more items there are millions of orders, and big_vision's own reader would not finish. */
  private static final int MOST_ITEMS = 9;

  private final int[] text;
  private final int[][] items; // preceded by the separator, except for the first one
  private final boolean[] written;
  private int best;

  private ListDistance(int[] text, int[][] items) {
    this.text = text;
    this.items = items;
    this.written = new boolean[items.length];
    this.best = Integer.MAX_VALUE;
  }

  /**
   * The distance in code points.
   *
   * @return empty if the text is not a list, or has more than nine items
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
   * Appends each remaining item.
   *
   * @param row distances between the items placed so far and the prefixes of the text
   * @param left number of code points not placed yet
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

  /** Whether an equal item at an earlier position is still unplaced. */
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
