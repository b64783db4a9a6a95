package dev.palimpsest.mixtures;

import dev.palimpsest.mixtures.ResizeMethod.Kernel;

/**
 * {@code tf.image.resize(method="bilinear")} on uint8, then clipped and truncated to uint8, as
 * big_vision's {@code resize} does (pp/ops_image.py). The arithmetic is that of TensorFlow's CPU
 * kernels, in float32 and in their order, for truncation turns the last bit into a whole level.
 */
final class TensorFlowResize {
  private TensorFlowResize() {}

  private static final float[] LEVELS = new float[256];

  static {
    for (int level = 0; level < 256; level++) {
      LEVELS[level] = level; // looking a byte up takes less time than converting it
    }
  }

  /**
   * Weights of every output position on its span of input positions. Spans are of one length: what
   * is missing at an edge has weight 0, which leaves a sum of finite numbers as it is.
   *
   * @param starts first input position
   * @param weights float32 [span, output]
   */
  private record Spans(int[] starts, float[][] weights) {
    /**
     * Drops the zeros that all spans can spare.
     *
     * @param starts first input position; no span needs to reach beyond the input
     * @param weights float32 [output, span], 0 behind each position's own
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
      float[][] kept = new float[span][starts.length];
      for (int x = 0; x < starts.length; x++) {
        firsts[x] = Math.min(firsts[x], in - span);
        for (int tap = 0; tap < span; tap++) {
          int from = firsts[x] + tap - starts[x];
          kept[tap][x] = from < 0 || from >= room ? 0 : weights[x * room + from];
        }
      }
      return new Spans(firsts, kept);
    }

    int span() {
      return weights.length;
    }
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

  /** Shares of the area of an output pixel (core/kernels/image/resize_area_op.cc). */
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

  /** Takes the rows of a resized picture, from top to bottom. */
  interface RowSink {
    /**
     * The next row.
     *
     * @param levels float32 [size, 3], before the cast; the array is used again for the next row
     */
    void accept(float[] levels);
  }

  /**
   * With a kernel (ScaleAndTranslate, ResizeArea), rows first, before the cast. Bilinear without
   * antialiasing is {@link #plain}, which is faster; bicubic without it is here, where TensorFlow
   * looks weights up in a table of 1024 steps.
   */
  static void weighted(Image image, int size, ResizeMethod method, RowSink sink) {
    int stride = 3 * image.width();
    Spans rows = spans(image.height(), size, method);
    Spans columns = spans(image.width(), size, method);
    float[] output = new float[3 * size];
    float[] sum = new float[stride];
    // The rows of one span as floats, each converted once: row y lies in slot y mod span.
    float[][] recent = new float[rows.span()][stride];
    int converted = 0;
    for (int y = 0; y < size; y++) {
      int start = rows.starts()[y];
      int end = start + rows.span();
      for (converted = Math.max(converted, start); converted < end; converted++) {
        toFloats(image.rgb(), converted * stride, recent[converted % rows.span()]);
      }
      down(rows, y, recent, sum);
      across(columns, sum, output);
      sink.accept(output);
    }
  }

  private static void toFloats(byte[] bytes, int from, float[] floats) {
    for (int i = 0; i < floats.length; i++) {
      floats[i] = LEVELS[bytes[from + i] & 0xff];
    }
  }

  /** How many weights the next pass takes: 3 where that leaves no single one behind. */
  private static int pass(int left) {
    return left == 2 || left == 4 ? 2 : Math.min(left, 3);
  }

  /** Sums the rows of an output row. A pass adds up to three, one after the other. */
  private static void down(Spans rows, int y, float[][] recent, float[] sum) {
    int span = rows.span();
    float[][] weights = rows.weights();
    for (int tap = 0; tap < span; tap += pass(span - tap)) {
      int row = rows.starts()[y] + tap;
      float[] first = recent[row % span];
      float w = weights[tap][y];
      switch (pass(span - tap)) {
        case 1 -> add(tap == 0, w, first, sum);
        case 2 -> add(tap == 0, w, first, weights[tap + 1][y], recent[(row + 1) % span], sum);
        default ->
            add(
                tap == 0,
                w,
                first,
                weights[tap + 1][y],
                recent[(row + 1) % span],
                weights[tap + 2][y],
                recent[(row + 2) % span],
                sum);
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

  /** Sums the pixels of every output pixel of a row, in passes as {@link #down}. */
  private static void across(Spans columns, float[] row, float[] output) {
    int span = columns.span();
    int[] starts = columns.starts();
    float[][] weights = columns.weights();
    for (int tap = 0; tap < span; tap += pass(span - tap)) {
      boolean anew = tap == 0;
      float[] w = weights[tap];
      switch (pass(span - tap)) {
        case 1 -> one(anew, starts, tap, w, row, output);
        case 2 -> two(anew, starts, tap, w, weights[tap + 1], row, output);
        default -> three(anew, starts, tap, w, weights[tap + 1], weights[tap + 2], row, output);
      }
    }
  }

  private static void one(
      boolean anew, int[] starts, int tap, float[] weights, float[] row, float[] output) {
    for (int x = 0, to = 0; x < starts.length; x++, to += 3) {
      int from = 3 * (starts[x] + tap);
      float w = weights[x];
      output[to] = (anew ? 0 : output[to]) + w * row[from];
      output[to + 1] = (anew ? 0 : output[to + 1]) + w * row[from + 1];
      output[to + 2] = (anew ? 0 : output[to + 2]) + w * row[from + 2];
    }
  }

  private static void two(
      boolean anew,
      int[] starts,
      int tap,
      float[] weights,
      float[] weights1,
      float[] row,
      float[] output) {
    for (int x = 0, to = 0; x < starts.length; x++, to += 3) {
      int from = 3 * (starts[x] + tap);
      float w = weights[x];
      float w1 = weights1[x];
      output[to] = (anew ? 0 : output[to]) + w * row[from] + w1 * row[from + 3];
      output[to + 1] = (anew ? 0 : output[to + 1]) + w * row[from + 1] + w1 * row[from + 4];
      output[to + 2] = (anew ? 0 : output[to + 2]) + w * row[from + 2] + w1 * row[from + 5];
    }
  }

  private static void three(
      boolean anew,
      int[] starts,
      int tap,
      float[] weights,
      float[] weights1,
      float[] weights2,
      float[] row,
      float[] output) {
    for (int x = 0, to = 0; x < starts.length; x++, to += 3) {
      int from = 3 * (starts[x] + tap);
      float w = weights[x];
      float w1 = weights1[x];
      float w2 = weights2[x];
      float red = anew ? 0 : output[to];
      float green = anew ? 0 : output[to + 1];
      float blue = anew ? 0 : output[to + 2];
      output[to] = red + w * row[from] + w1 * row[from + 3] + w2 * row[from + 6];
      output[to + 1] = green + w * row[from + 1] + w1 * row[from + 4] + w2 * row[from + 7];
      output[to + 2] = blue + w * row[from + 2] + w1 * row[from + 5] + w2 * row[from + 8];
    }
  }

  /**
   * Without antialiasing (core/kernels/image/resize_bilinear_op.cc with half-pixel centres), before
   * the cast.
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
      sink.accept(output);
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
