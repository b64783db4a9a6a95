package dev.palimpsest.checkpoints.published;

import java.nio.FloatBuffer;

/** The mean of a table's rows, and how far their values are from it. */
final class RowStatistics {
  private final double[] sums;
  private double squares;
  private long values;

  /**
   * Statistics of no rows yet.
   *
   * @param width of a row
   */
  RowStatistics(int width) {
    this.sums = new double[width];
  }

  /**
   * Adds the next values of the table.
   *
   * @param first index of the first one in the table
   */
  void add(long first, FloatBuffer next) {
    int column = (int) (first % sums.length);
    while (next.hasRemaining()) {
      double value = next.get();
      sums[column] += value;
      squares += value * value;
      values++;
      column = column + 1 == sums.length ? 0 : column + 1;
    }
  }

  /** The mean of a column. */
  private double mean(int column) {
    return values == 0 ? 0 : sums[column] * sums.length / values;
  }

  /** The standard deviation of values from their column's mean, over all columns. */
  double deviation() {
    double ofMeans = 0;
    for (int column = 0; column < sums.length; column++) {
      ofMeans += mean(column) * mean(column) / sums.length;
    }
    return values == 0 ? 0 : Math.sqrt(Math.max(0, squares / values - ofMeans));
  }

  /**
   * Adds the mean row to values of further rows, in place.
   *
   * @param first index of the first value, counted from the beginning of a row
   */
  void addMean(long first, FloatBuffer further) {
    int column = (int) (first % sums.length);
    for (int i = further.position(); i < further.limit(); i++) {
      further.put(i, (float) (further.get(i) + mean(column)));
      column = column + 1 == sums.length ? 0 : column + 1;
    }
  }
}
