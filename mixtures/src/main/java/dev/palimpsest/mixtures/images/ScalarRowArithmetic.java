package dev.palimpsest.mixtures.images;

/** The implementation in plain Java. */
final class ScalarRowArithmetic implements RowArithmetic {
  private static final float[] LEVELS = new float[256];

  static {
    for (int level = 0; level < 256; level++) {
      LEVELS[level] = level; // a table lookup takes less time than a conversion
    }
  }

  @Override
  public void toFloats(byte[] bytes, int from, int count, float[] row) {
    for (int i = 0; i < count; i++) {
      row[i] = LEVELS[bytes[from + i] & 0xff];
    }
  }

  @Override
  public void add(
      boolean anew,
      int[] starts,
      int skip,
      int taps,
      float[] weights,
      float[] row,
      float[] output) {
    switch (taps) {
      case 2 -> two(anew, starts, skip, weights, row, output);
      case 3 -> three(anew, starts, skip, weights, row, output);
      case 6 -> six(anew, starts, skip, weights, row, output);
      default -> throw new IllegalArgumentException(taps + " taps");
    }
  }

  private static void two(
      boolean anew, int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, to = 0, w = 0; x < starts.length; x++, to += 3, w += 2) {
      int at = starts[x] + skip;
      float w0 = weights[w];
      float w1 = weights[w + 1];
      float red = anew ? 0 : output[to];
      float green = anew ? 0 : output[to + 1];
      float blue = anew ? 0 : output[to + 2];
      output[to] = red + w0 * row[at] + w1 * row[at + 3];
      output[to + 1] = green + w0 * row[at + 1] + w1 * row[at + 4];
      output[to + 2] = blue + w0 * row[at + 2] + w1 * row[at + 5];
    }
  }

  private static void three(
      boolean anew, int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, to = 0, w = 0; x < starts.length; x++, to += 3, w += 3) {
      int at = starts[x] + skip;
      float w0 = weights[w];
      float w1 = weights[w + 1];
      float w2 = weights[w + 2];
      float red = anew ? 0 : output[to];
      float green = anew ? 0 : output[to + 1];
      float blue = anew ? 0 : output[to + 2];
      output[to] = red + w0 * row[at] + w1 * row[at + 3] + w2 * row[at + 6];
      output[to + 1] = green + w0 * row[at + 1] + w1 * row[at + 4] + w2 * row[at + 7];
      output[to + 2] = blue + w0 * row[at + 2] + w1 * row[at + 5] + w2 * row[at + 8];
    }
  }

  private static void six(
      boolean anew, int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, to = 0, w = 0; x < starts.length; x++, to += 3, w += 6) {
      int at = starts[x] + skip;
      float w0 = weights[w];
      float w1 = weights[w + 1];
      float w2 = weights[w + 2];
      float w3 = weights[w + 3];
      float w4 = weights[w + 4];
      float w5 = weights[w + 5];
      for (int c = 0; c < 3; c++) {
        output[to + c] =
            (anew ? 0 : output[to + c])
                + w0 * row[at + c]
                + w1 * row[at + c + 3]
                + w2 * row[at + c + 6]
                + w3 * row[at + c + 9]
                + w4 * row[at + c + 12]
                + w5 * row[at + c + 15];
      }
    }
  }
}
