package dev.palimpsest.mixtures.images;

import dev.palimpsest.mixtures.images.ResizeMethod.Kernel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@code tf.image.resize(method="bilinear")} on uint8, then clipped and truncated to uint8, as
 * big_vision's {@code resize} does (pp/ops_image.py). The arithmetic is that of TensorFlow's CPU
 * kernels, in float32 and in their order, because truncation can turn the last bit into a whole
 * level.
 */
final class TensorFlowResize {
  private TensorFlowResize() {}

  private static final int CHANNELS = 3;

  /**
   * Weights of every output position on its span of input positions. All spans have the same
   * length: missing positions at an edge have weight 0, which does not change a sum of finite
   * numbers.
   *
   * @param starts first input position
   * @param weights float32 [output, span]
   */
  private record Spans(int[] starts, int span, float[] weights) {
    /**
     * Drops zeros that no span needs.
     *
     * @param starts first input position; no span needs to extend beyond the input
     * @param weights float32 [output, room], 0 after each position's own weights
     */
    static Spans of(int in, int[] starts, float[] weights) {
      int room = weights.length / starts.length;
      int span = 1;
      int[] firsts = new int[starts.length];
      for (int x = 0; x < starts.length; x++) {
        int first = 0;
        while (first < room - 1 && weights[x * room + first] == 0) {
          first++;
        }
        int end = room;
        while (end > first + 1 && weights[x * room + end - 1] == 0) {
          end--;
        }
        firsts[x] = starts[x] + first;
        span = Math.max(span, end - first);
      }
      for (int x = 0; x < starts.length; x++) {
        firsts[x] = Math.min(firsts[x], in - span);
      }
      return new Spans(firsts, span, taps(starts, weights, firsts, 0, span));
    }

    /** float32 [output, count]: some of the weights, for other starts; 0 where there is none. */
    private static float[] taps(int[] starts, float[] weights, int[] firsts, int first, int count) {
      int room = weights.length / starts.length;
      float[] taps = new float[starts.length * count];
      for (int x = 0; x < starts.length; x++) {
        int shift = firsts[x] + first - starts[x];
        int end = Math.min(count, room - shift);
        for (int tap = Math.max(0, -shift); tap < end; tap++) {
          taps[x * count + tap] = weights[x * room + shift + tap];
        }
      }
      return taps;
    }

    float weight(int x, int tap) {
      return weights[x * span + tap];
    }

    /** Weights of two, three or six taps at a time; a single one is followed by a 0. */
    List<float[]> passes() {
      List<float[]> passes = new ArrayList<>();
      for (int tap = 0; tap < span; ) {
        int left = span - tap;
        int taps = left > 4 ? 6 : left == 3 ? 3 : 2;
        passes.add(taps(starts, weights, starts, tap, taps));
        tap += taps;
      }
      return passes;
    }
  }

  /** The number of taps in the next pass: 3 if that does not leave a single one. */
  private static int pass(int left) {
    return left == 2 || left == 4 ? 2 : Math.min(left, 3);
  }

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
    }
    return Spans.of(in, starts, weights);
  }

  /**
   * Weights by the overlap with the area of an output pixel (core/kernels/image/resize_area_op.cc).
   */
  private static Spans areas(int in, int out) {
    double scale = (double) in / out;
    int span = Math.min(in, (int) Math.ceil(scale) + 1);
    int[] starts = new int[out];
    float[] weights = new float[out * span];
    for (int x = 0; x < out; x++) {
      double from = x * scale;
      double to = Math.min(in, (x + 1) * scale);
      int start = (int) from;
      int end = Math.min(in, Math.min(start + span, (int) Math.ceil(to)));
      starts[x] = start;
      for (int i = start; i < end; i++) {
        double overlap = Math.min(i + 1, to) - Math.max(i, from);
        weights[x * span + i - start] = (float) (overlap / (to - from));
      }
    }
    return Spans.of(in, starts, weights);
  }

  /** Receives the rows of a resized picture, from top to bottom. */
  interface RowSink {
    /**
     * The next row.
     *
     * @param levels float32 [size, 3], before the cast; the array is reused for the next row
     * @param count the number of the array's floats that belong to the row
     */
    void accept(float[] levels, int count);
  }

  /**
   * Resizes with a kernel (ScaleAndTranslate, ResizeArea), rows first, before the cast. Bilinear
   * without antialiasing is done by {@link #plain}, which is faster; bicubic without it is done
   * here, although TensorFlow looks its weights up in a table of 1024 steps.
   */
  static void weighted(
      Image image, int size, ResizeMethod method, RowArithmetic arithmetic, RowSink sink) {
    int stride = CHANNELS * image.width();
    Spans rows = spans(image.height(), size, method);
    Spans columns = spans(image.width(), size, method);
    int[] starts = Arrays.stream(columns.starts()).map(start -> CHANNELS * start).toArray();
    List<float[]> passes = columns.passes();
    float[] sum = new float[stride + RowArithmetic.SPARE];
    float[] output = new float[CHANNELS * size + RowArithmetic.SPARE];
    // The rows of one span as floats, each converted once: row y is in slot y mod span.
    float[][] recent = new float[rows.span()][sum.length];
    int converted = 0;
    for (int y = 0; y < size; y++) {
      int start = rows.starts()[y];
      int end = start + rows.span();
      for (converted = Math.max(converted, start); converted < end; converted++) {
        arithmetic.toFloats(
            image.rgb(), converted * stride, stride, recent[converted % rows.span()]);
      }
      down(rows, y, recent, sum);
      int skip = 0;
      for (float[] weights : passes) {
        int taps = weights.length / size;
        arithmetic.add(skip == 0, starts, skip, taps, weights, sum, output);
        skip += CHANNELS * taps;
      }
      sink.accept(output, CHANNELS * size);
    }
  }

  /** Sums the input rows of an output row. Each pass adds up to three, one after the other. */
  private static void down(Spans rows, int y, float[][] recent, float[] sum) {
    int span = rows.span();
    for (int tap = 0; tap < span; tap += pass(span - tap)) {
      int row = rows.starts()[y] + tap;
      boolean anew = tap == 0;
      float[] row0 = recent[row % span];
      float w0 = rows.weight(y, tap);
      if (pass(span - tap) == 1) {
        add(anew, w0, row0, sum);
        continue;
      }
      float[] row1 = recent[(row + 1) % span];
      float w1 = rows.weight(y, tap + 1);
      if (pass(span - tap) == 2) {
        add(anew, w0, row0, w1, row1, sum);
      } else {
        add(anew, w0, row0, w1, row1, rows.weight(y, tap + 2), recent[(row + 2) % span], sum);
      }
    }
  }

  private static void add(boolean anew, float w, float[] row, float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = (anew ? 0 : sum[i]) + w * row[i];
    }
  }

  private static void add(boolean anew, float w, float[] row, float w1, float[] row1, float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = (anew ? 0 : sum[i]) + w * row[i] + w1 * row1[i];
    }
  }

  private static void add(
      boolean anew,
      float w,
      float[] row,
      float w1,
      float[] row1,
      float w2,
      float[] row2,
      float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = (anew ? 0 : sum[i]) + w * row[i] + w1 * row1[i] + w2 * row2[i];
    }
  }

  /**
   * Resizes without antialiasing (core/kernels/image/resize_bilinear_op.cc with half-pixel
   * centres), before the cast.
   */
  static void plain(Image image, int size, RowSink sink) {
    Neighbours rows = neighbours(image.height(), size);
    Neighbours columns = neighbours(image.width(), size);
    float[] above = new float[3 * size];
    float[] below = new float[3 * size];
    float[] output = new float[3 * size];
    int aboveRow = -1;
    int belowRow = -1;
    for (int y = 0; y < size; y++) {
      if (aboveRow != rows.lower()[y] && belowRow == rows.lower()[y]) {
        float[] reached = below;
        below = above;
        above = reached;
        belowRow = aboveRow;
        aboveRow = rows.lower()[y];
      }
      if (aboveRow != rows.lower()[y]) {
        aboveRow = rows.lower()[y];
        across(image, aboveRow, columns, above);
      }
      if (belowRow != rows.upper()[y]) {
        belowRow = rows.upper()[y];
        across(image, belowRow, columns, below);
      }
      between(above, below, rows.share()[y], output);
      sink.accept(output, output.length);
    }
  }

  static void across(Image image, int y, Neighbours columns, float[] output) {
    byte[] rgb = image.rgb();
    int[] lower = columns.lower();
    int[] upper = columns.upper();
    float[] share = columns.share();
    int row = 3 * image.width() * y;
    for (int x = 0, to = 0; x < lower.length; x++, to += 3) {
      int left = row + 3 * lower[x];
      int right = row + 3 * upper[x];
      output[to] = between(rgb[left], rgb[right], share[x]);
      output[to + 1] = between(rgb[left + 1], rgb[right + 1], share[x]);
      output[to + 2] = between(rgb[left + 2], rgb[right + 2], share[x]);
    }
  }

  private static float between(byte low, byte high, float share) {
    return (low & 0xff) + ((high & 0xff) - (low & 0xff)) * share;
  }

  private static void between(float[] above, float[] below, float share, float[] output) {
    for (int i = 0; i < output.length; i++) {
      output[i] = above[i] + (below[i] - above[i]) * share;
    }
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
