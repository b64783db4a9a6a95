package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.ImageConfig.Passes;
import java.util.Arrays;

/**
 * Pillow's {@code resize(BICUBIC)} of 8-bit pictures (src/libImaging/Resample.c): a = -0.5, always
 * antialiased, one pass along the rows and one along the columns, each rounded to 8 bits by fixed
 * point of 22 bits. Exact.
 */
final class PillowResize {
  private static final int PRECISION = 32 - 8 - 2;
  private static final int HALF = 1 << (PRECISION - 1);
  private static final double SUPPORT = 2;

  private PillowResize() {}

  /**
   * Weights of every output position.
   *
   * @param starts first input position
   * @param lengths input positions
   * @param weights [output, span], times 2^22
   */
  private record Spans(int[] starts, int[] lengths, int[] weights, int span) {}

  private static Spans spans(int in, int out) {
    double scale = (double) in / out;
    double filterScale = Math.max(scale, 1);
    double support = SUPPORT * filterScale;
    int span = (int) Math.ceil(support) * 2 + 1;
    Spans spans = new Spans(new int[out], new int[out], new int[out * span], span);
    double[] kernel = new double[span];
    for (int x = 0; x < out; x++) {
      double centre = (x + 0.5) * scale;
      int start = Math.max(0, (int) (centre - support + 0.5));
      int length = Math.min(in, (int) (centre + support + 0.5)) - start;
      double sum = 0;
      for (int i = 0; i < length; i++) {
        kernel[i] = bicubic((i + start - centre + 0.5) * (1 / filterScale));
        sum += kernel[i];
      }
      for (int i = 0; i < length; i++) {
        double scaled = kernel[i] / sum * (1 << PRECISION);
        spans.weights()[x * span + i] = (int) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
      }
      spans.starts()[x] = start;
      spans.lengths()[x] = length;
    }
    return spans;
  }

  private static double bicubic(double offset) {
    double a = -0.5;
    double x = Math.abs(offset);
    if (x < 1) {
      return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }

  /**
   * Resizes a picture.
   *
   * @return uint8 [size, size, 3]
   */
  static byte[] bicubic(Image image, int size, Passes passes) {
    int width = image.width();
    int height = image.height();
    boolean columnsFirst =
        passes == Passes.PILLOW_13 && height > size && 2L * width < (long) height + size;
    return columnsFirst
        ? across(down(image.rgb(), width, height, size), width, size, size)
        : down(across(image.rgb(), width, height, size), size, height, size);
  }

  /** uint8 [height, width, 3] to [height, size, 3]. */
  private static byte[] across(byte[] input, int width, int height, int size) {
    Spans spans = spans(width, size);
    int[] weights = spans.weights();
    byte[] output = new byte[3 * height * size];
    int[] row = new int[3 * width];
    for (int y = 0, to = 0; y < height; y++) {
      toInts(input, y * row.length, row);
      for (int x = 0; x < size; x++, to += 3) {
        int red = HALF;
        int green = HALF;
        int blue = HALF;
        int from = 3 * spans.starts()[x];
        int weight = x * spans.span();
        for (int last = weight + spans.lengths()[x]; weight < last; weight++, from += 3) {
          int w = weights[weight];
          red += w * row[from];
          green += w * row[from + 1];
          blue += w * row[from + 2];
        }
        output[to] = level(red);
        output[to + 1] = level(green);
        output[to + 2] = level(blue);
      }
    }
    return output;
  }

  /** uint8 [height, width, 3] to [size, width, 3]. */
  private static byte[] down(byte[] input, int width, int height, int size) {
    Spans spans = spans(height, size);
    int stride = 3 * width;
    byte[] output = new byte[stride * size];
    int[] row = new int[stride];
    int[] sum = new int[stride];
    for (int y = 0; y < size; y++) {
      Arrays.fill(sum, HALF);
      for (int i = 0; i < spans.lengths()[y]; i++) {
        toInts(input, (spans.starts()[y] + i) * stride, row);
        addScaled(row, spans.weights()[y * spans.span() + i], sum);
      }
      for (int i = 0; i < stride; i++) {
        output[y * stride + i] = level(sum[i]);
      }
    }
    return output;
  }

  private static void toInts(byte[] bytes, int from, int[] ints) {
    for (int i = 0; i < ints.length; i++) {
      ints[i] = bytes[from + i] & 0xff;
    }
  }

  private static void addScaled(int[] row, int weight, int[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += weight * row[i];
    }
  }

  private static byte level(int fixed) {
    return (byte) Math.max(0, Math.min(255, fixed >> PRECISION));
  }
}
