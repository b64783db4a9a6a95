package dev.palimpsest.mixtures.codecs;

import java.util.Arrays;

/** The few layers of the mask codec, on float32 [channels, side, side], one picture at a time. */
final class Convolutions {
  private Convolutions() {}

  /**
   * A convolution with TensorFlow's SAME padding.
   *
   * @param in [inputs, side, side]
   * @param weight [outputs, inputs, kernel, kernel]
   * @return [outputs, ceil(side / stride), ceil(side / stride)]
   */
  static float[] convolve(
      float[] in, int side, NumpyArchive.Array weight, float[] bias, int stride) {
    int outputs = weight.shape()[0];
    int inputs = weight.shape()[1];
    int kernel = weight.shape()[2];
    int size = (side + stride - 1) / stride;
    int padding = Math.max((size - 1) * stride + kernel - side, 0) / 2;
    float[] out = new float[outputs * size * size];
    for (int o = 0; o < outputs; o++) {
      Arrays.fill(out, o * size * size, (o + 1) * size * size, bias[o]);
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < kernel * kernel; k++) {
          float w = weight.values()[(o * inputs + i) * kernel * kernel + k];
          int down = k / kernel - padding;
          int across = k % kernel - padding;
          for (int y = 0; y < size; y++) {
            int row = y * stride + down;
            if (row < 0 || row >= side) {
              continue;
            }
            int first = Math.max(0, (stride - 1 - across) / stride);
            int last = Math.min(size, (side - across + stride - 1) / stride);
            int to = (o * size + y) * size;
            int from = (i * side + row) * side + across;
            for (int x = first; x < last; x++) {
              out[to + x] += w * in[from + x * stride];
            }
          }
        }
      }
    }
    return out;
  }

  /**
   * PyTorch's transposed convolution of kernel 4, stride 2, padding 1.
   *
   * @param in [inputs, side, side]
   * @param weight [inputs, outputs, 4, 4]
   * @return [outputs, 2 side, 2 side]
   */
  static float[] upsample(float[] in, int side, NumpyArchive.Array weight, float[] bias) {
    int inputs = weight.shape()[0];
    int outputs = weight.shape()[1];
    int kernel = weight.shape()[2];
    int size = 2 * side;
    float[] out = new float[outputs * size * size];
    for (int o = 0; o < outputs; o++) {
      Arrays.fill(out, o * size * size, (o + 1) * size * size, bias[o]);
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < kernel * kernel; k++) {
          float w = weight.values()[(i * outputs + o) * kernel * kernel + k];
          for (int y = 0; y < side; y++) {
            int row = 2 * y + k / kernel - 1;
            if (row < 0 || row >= size) {
              continue;
            }
            int to = (o * size + row) * size + k % kernel - 1;
            int from = (i * side + y) * side;
            int first = k % kernel == 0 ? 1 : 0;
            int last = k % kernel == kernel - 1 ? side - 1 : side;
            for (int x = first; x < last; x++) {
              out[to + 2 * x] += w * in[from + x];
            }
          }
        }
      }
    }
    return out;
  }

  /** In place. */
  static float[] relu(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.max(0, values[i]);
    }
    return values;
  }
}
