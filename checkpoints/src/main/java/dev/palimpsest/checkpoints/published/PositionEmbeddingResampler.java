package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;

/**
 * Resamples position embeddings from one square grid to another: linear between the four
 * neighbours, corners aligned, without antialiasing. New point {@code i} is at old coordinate
 * {@code i * (old - 1) / (new - 1)} on each axis, as in big_vision's {@code resample_posemb}
 * (models/vit.py, which calls {@code scipy.ndimage.zoom(order=1)}).
 */
public final class PositionEmbeddingResampler {
  private PositionEmbeddingResampler() {}

  /**
   * Resamples a parameter, or a moment of one.
   *
   * @param grid float32 [N, D], N a square, rows of the picture first
   * @param newTokens N', a square
   * @return float32 [N', D] in the grid's manager; the grid itself if N' = N
   */
  public static NDArray resample(NDArray grid, int newTokens) {
    int tokens = Math.toIntExact(grid.getShape().get(0));
    if (tokens == newTokens) {
      return grid;
    }
    int width = Math.toIntExact(grid.getShape().get(1));
    float[] values = resample(grid.toFloatArray(), tokens, width, newTokens);
    return grid.getManager().create(values, new Shape(newTokens, width));
  }

  /**
   * Resamples numbers in a Java array.
   *
   * @param grid [tokens, width], row-major
   * @return [newTokens, width]; the grid itself if newTokens = tokens
   */
  public static float[] resample(float[] grid, int tokens, int width, int newTokens) {
    int from = side(tokens);
    int to = side(newTokens);
    if (grid.length != tokens * width) {
      throw new IllegalArgumentException(
          "expected %d x %d values, got %d".formatted(tokens, width, grid.length));
    }
    if (from == to) {
      return grid;
    }
    float[] result = new float[newTokens * width];
    for (int y = 0; y < to; y++) {
      double v = coordinate(y, from, to);
      int top = (int) v;
      int bottom = Math.min(top + 1, from - 1);
      double down = v - top;
      for (int x = 0; x < to; x++) {
        double u = coordinate(x, from, to);
        int left = (int) u;
        int right = Math.min(left + 1, from - 1);
        double across = u - left;
        for (int c = 0; c < width; c++) {
          double upper =
              mix(
                  grid[(top * from + left) * width + c],
                  grid[(top * from + right) * width + c],
                  across);
          double lower =
              mix(
                  grid[(bottom * from + left) * width + c],
                  grid[(bottom * from + right) * width + c],
                  across);
          result[(y * to + x) * width + c] = (float) mix(upper, lower, down);
        }
      }
    }
    return result;
  }

  private static double coordinate(int i, int from, int to) {
    return to == 1 ? 0 : (double) i * (from - 1) / (to - 1);
  }

  private static double mix(double a, double b, double share) {
    return a * (1 - share) + b * share;
  }

  private static int side(int tokens) {
    int side = (int) Math.round(Math.sqrt(tokens));
    if (tokens < 1 || side * side != tokens) {
      throw new IllegalArgumentException(
          "position embeddings must form a square grid, got %d tokens".formatted(tokens));
    }
    return side;
  }
}
