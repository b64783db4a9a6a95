package dev.palimpsest.mixtures;

import dev.palimpsest.mixtures.ResizeMethod.Kernel;
import java.util.Arrays;

/**
 * {@code tf.image.resize(method="bilinear")} on uint8, then clipped and truncated to uint8, as
 * big_vision's {@code resize} does (pp/ops_image.py). The arithmetic is that of TensorFlow's CPU
 * kernels, in float32 and in their order, for truncation turns the last bit into a whole level.
 */
final class TensorFlowResize {
  private TensorFlowResize() {}

  /**
   * Weights of every output position on its span of input positions.
   *
   * @param starts first input position
   * @param weights [output, span]
   */
  private record Spans(int[] starts, int[] lengths, float[] weights, int span) {}

  /** A kernel's spans (core/kernels/image/scale_and_translate_op.cc, ComputeSpansCore). */
  private static Spans spans(int in, int out, ResizeMethod method) {
    if (method.kernel() == Kernel.AREA) {
      return areas(in, out);
    }
    float scale = (float) out / in;
    float inverse = 1f / scale;
    float widening = method.antialias() ? Math.max(inverse, 1f) : 1f;
    float radius = method.kernel().radius() * widening;
    int span = Math.min(2 * (int) Math.ceil(radius) + 1, in);
    int[] starts = new int[out];
    int[] lengths = new int[out];
    float[] weights = new float[out * span];
    float oneOverWidening = 1f / widening;
    for (int x = 0; x < out; x++) {
      float centre = (x + 0.5f) * inverse;
      int start = Math.max(0, (int) Math.ceil(centre - radius - 0.5f));
      int end = Math.min(in - 1, (int) Math.floor(centre + radius - 0.5f)) + 1;
      float sum = 0;
      for (int i = start; i < end; i++) {
        float distance = Math.abs((i + 0.5f - centre) * oneOverWidening);
        float weight = method.kernel().at(distance);
        weights[x * span + i - start] = weight;
        sum += weight;
      }
      float oneOverSum = 1f / sum;
      for (int i = start; i < end; i++) {
        weights[x * span + i - start] *= oneOverSum;
      }
      starts[x] = start;
      lengths[x] = end - start;
    }
    return new Spans(starts, lengths, weights, span);
  }

  /** Shares of the area of an output pixel (core/kernels/image/resize_area_op.cc). */
  private static Spans areas(int in, int out) {
    double scale = (double) in / out;
    int span = Math.min(in, (int) Math.ceil(scale) + 1);
    Spans spans = new Spans(new int[out], new int[out], new float[out * span], span);
    for (int x = 0; x < out; x++) {
      double from = x * scale;
      double to = Math.min(in, (x + 1) * scale);
      int start = (int) from;
      int end = Math.min(in, Math.min(start + span, (int) Math.ceil(to)));
      spans.starts()[x] = start;
      spans.lengths()[x] = end - start;
      for (int i = start; i < end; i++) {
        double overlap = Math.min(i + 1, to) - Math.max(i, from);
        spans.weights()[x * span + i - start] = (float) (overlap / (to - from));
      }
    }
    return spans;
  }

  /**
   * With a kernel (ScaleAndTranslate, ResizeArea), rows first, before the cast. Bilinear without
   * antialiasing is {@link #plain}, which is faster; bicubic without it is here, where TensorFlow
   * looks weights up in a table of 1024 steps.
   *
   * @return float32 [size, size, 3]
   */
  static float[] weighted(Image image, int size, ResizeMethod method) {
    int stride = 3 * image.width();
    Spans rows = spans(image.height(), size, method);
    Spans columns = spans(image.width(), size, method);
    float[] output = new float[3 * size * size];
    float[] sum = new float[stride];
    // The rows of one span as floats, each converted once: row y lies in slot y mod span.
    float[][] recent = new float[rows.span()][stride];
    int converted = 0;
    for (int y = 0; y < size; y++) {
      int start = rows.starts()[y];
      int end = start + rows.lengths()[y];
      for (converted = Math.max(converted, start); converted < end; converted++) {
        toFloats(image.rgb(), converted * stride, recent[converted % rows.span()]);
      }
      Arrays.fill(sum, 0f);
      for (int row = start; row < end; row++) {
        addScaled(recent[row % rows.span()], rows.weights()[y * rows.span() + row - start], sum);
      }
      for (int x = 0; x < size; x++) {
        float red = 0;
        float green = 0;
        float blue = 0;
        int from = 3 * columns.starts()[x];
        int weight = x * columns.span();
        for (int last = weight + columns.lengths()[x]; weight < last; weight++, from += 3) {
          float w = columns.weights()[weight];
          red += w * sum[from];
          green += w * sum[from + 1];
          blue += w * sum[from + 2];
        }
        int to = 3 * (y * size + x);
        output[to] = red;
        output[to + 1] = green;
        output[to + 2] = blue;
      }
    }
    return output;
  }

  private static void toFloats(byte[] bytes, int from, float[] floats) {
    for (int i = 0; i < floats.length; i++) {
      floats[i] = bytes[from + i] & 0xff;
    }
  }

  private static void addScaled(float[] row, float weight, float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += weight * row[i];
    }
  }

  /**
   * Without antialiasing (core/kernels/image/resize_bilinear_op.cc with half-pixel centres), before
   * the cast.
   *
   * @return float32 [size, size, 3]
   */
  static float[] plain(Image image, int size) {
    byte[] rgb = image.rgb();
    Neighbours rows = neighbours(image.height(), size);
    Neighbours columns = neighbours(image.width(), size);
    float[] output = new float[3 * size * size];
    for (int y = 0, to = 0; y < size; y++) {
      int top = 3 * image.width() * rows.lower()[y];
      int bottom = 3 * image.width() * rows.upper()[y];
      float down = rows.share()[y];
      for (int x = 0; x < size; x++) {
        int left = 3 * columns.lower()[x];
        int right = 3 * columns.upper()[x];
        float across = columns.share()[x];
        for (int c = 0; c < 3; c++) {
          float above = between(rgb[top + left + c], rgb[top + right + c], across);
          float below = between(rgb[bottom + left + c], rgb[bottom + right + c], across);
          output[to++] = above + (below - above) * down;
        }
      }
    }
    return output;
  }

  private static float between(byte low, byte high, float share) {
    return (low & 0xff) + ((high & 0xff) - (low & 0xff)) * share;
  }

  private record Neighbours(int[] lower, int[] upper, float[] share) {}

  private static Neighbours neighbours(int in, int out) {
    Neighbours neighbours = new Neighbours(new int[out], new int[out], new float[out]);
    float scale = in / (float) out;
    for (int i = 0; i < out; i++) {
      float position = (i + 0.5f) * scale - 0.5f;
      float floor = (float) Math.floor(position);
      neighbours.lower()[i] = Math.max(0, (int) floor);
      neighbours.upper()[i] = Math.min(in - 1, (int) Math.ceil(position));
      neighbours.share()[i] = position - floor;
    }
    return neighbours;
  }
}
