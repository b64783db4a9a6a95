package dev.palimpsest.mixtures.codecs;

import java.util.Arrays;

/** The few layers of the mask codec, on float32 [channels, side, side], one picture at a time. */
final class Convolutions {
  private Convolutions() {}

  /**
   * A convolution's weights, laid out so that all output channels of one input value are adjacent:
   * the inner loop is then long whatever the picture's size, and the JIT vectorises it.
   *
   * @param weight [inputs, kernel * kernel, outputs]
   * @param bias [outputs]
   */
  record Layer(int inputs, int kernel, float[] weight, float[] bias) {
    /**
     * From PyTorch's layout.
     *
     * @param weight [outputs, inputs, kernel, kernel]
     */
    static Layer of(NumpyArchive.Array weight, float[] bias) {
      int outputs = weight.shape()[0];
      int taps = weight.values().length / outputs;
      float[] turned = new float[weight.values().length];
      for (int o = 0; o < outputs; o++) {
        for (int tap = 0; tap < taps; tap++) {
          turned[tap * outputs + o] = weight.values()[o * taps + tap];
        }
      }
      return new Layer(weight.shape()[1], weight.shape()[2], turned, bias);
    }
  }

  /**
   * A convolution with TensorFlow's SAME padding.
   *
   * @param in [inputs, side, side]
   * @return [outputs, ceil(side / stride), ceil(side / stride)]
   */
  static float[] convolve(float[] in, int side, Layer layer, int stride) {
    int outputs = layer.bias.length;
    int kernel = layer.kernel;
    int size = (side + stride - 1) / stride;
    int padding = Math.max((size - 1) * stride + kernel - side, 0) / 2;
    float[] out = new float[outputs * size * size];
    float[] sums = new float[outputs];
    for (int place = 0; place < size * size; place++) {
      int top = place / size * stride - padding;
      int left = place % size * stride - padding;
      System.arraycopy(layer.bias, 0, sums, 0, outputs);
      for (int i = 0; i < layer.inputs; i++) {
        for (int k = 0; k < kernel * kernel; k++) {
          int y = top + k / kernel;
          int x = left + k % kernel;
          if (y >= 0 && y < side && x >= 0 && x < side) {
            float value = in[(i * side + y) * side + x];
            if (value != 0) { // half of them after a ReLU
              add(sums, layer.weight, (i * kernel * kernel + k) * outputs, value);
            }
          }
        }
      }
      for (int o = 0; o < outputs; o++) {
        out[o * size * size + place] = sums[o];
      }
    }
    return out;
  }

  private static void add(float[] sums, float[] weights, int from, float value) {
    for (int o = 0; o < sums.length; o++) {
      sums[o] += weights[from + o] * value;
    }
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
