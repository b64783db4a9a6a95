package dev.palimpsest.mixtures.codecs;

/**
 * Pillow's {@code Image.resize(..., BILINEAR)} of a float image: a triangle filter, widened when
 * shrinking, over pixel centres; rows first, then columns, each pass stored as float32.
 */
final class BilinearResize {
  private BilinearResize() {}

  /**
   * @param image float32 [height, width], row by row
   * @return float32 [newHeight, newWidth]
   */
  static float[] resize(float[] image, int height, int width, int newHeight, int newWidth) {
    float[] wide = new float[height * newWidth];
    Filter horizontal = new Filter(width, newWidth);
    for (int x = 0; x < newWidth; x++) {
      for (int y = 0; y < height; y++) {
        wide[y * newWidth + x] = horizontal.apply(x, image, y * width, 1);
      }
    }
    float[] resized = new float[newHeight * newWidth];
    Filter vertical = new Filter(height, newHeight);
    for (int y = 0; y < newHeight; y++) {
      for (int x = 0; x < newWidth; x++) {
        resized[y * newWidth + x] = vertical.apply(y, wide, x, newWidth);
      }
    }
    return resized;
  }

  /** Which inputs each output along one axis is made of. */
  private static final class Filter {
    private final int[] first;
    private final double[][] weights;

    Filter(int in, int out) {
      first = new int[out];
      weights = new double[out][];
      double scale = (double) in / out;
      double support = Math.max(scale, 1);
      for (int i = 0; i < out; i++) {
        double center = (i + 0.5) * scale;
        int from = Math.max(0, (int) (center - support + 0.5));
        int to = Math.min(in, (int) (center + support + 0.5));
        double[] row = new double[to - from];
        double sum = 0;
        for (int j = 0; j < row.length; j++) {
          double distance = Math.abs((from + j - center + 0.5) / support);
          row[j] = Math.max(0, 1 - distance);
          sum += row[j];
        }
        for (int j = 0; j < row.length; j++) {
          row[j] /= sum;
        }
        first[i] = from;
        weights[i] = row;
      }
    }

    float apply(int i, float[] values, int offset, int stride) {
      double sum = 0;
      for (int j = 0; j < weights[i].length; j++) {
        sum += values[offset + (first[i] + j) * stride] * weights[i][j];
      }
      return (float) sum;
    }
  }
}
