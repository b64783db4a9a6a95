package dev.palimpsest.mixtures.codecs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvolutionsTest {
  /** The definition, its sums in the order of inputs and then of the kernel: equal to the bit. */
  @ParameterizedTest
  @CsvSource({"1, 5, 4, 2, 8", "3, 16, 4, 2, 6", "4, 7, 3, 1, 5", "6, 1, 1, 1, 4", "2, 3, 3, 1, 1"})
  void equalsTheDefinition(int inputs, int outputs, int kernel, int stride, int side) {
    Random random = new Random(inputs * 31L + outputs);
    float[] in = numbers(random, inputs * side * side);
    for (int i = 0; i < in.length; i += 3) {
      in[i] = 0;
    }
    float[] bias = numbers(random, outputs);
    float[] weight = numbers(random, outputs * inputs * kernel * kernel);
    int size = (side + stride - 1) / stride;
    int padding = Math.max((size - 1) * stride + kernel - side, 0) / 2;
    float[] expected = new float[outputs * size * size];
    for (int o = 0; o < outputs; o++) {
      for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
          float sum = bias[o];
          for (int i = 0; i < inputs; i++) {
            for (int k = 0; k < kernel * kernel; k++) {
              int row = y * stride + k / kernel - padding;
              int column = x * stride + k % kernel - padding;
              boolean inside = row >= 0 && row < side && column >= 0 && column < side;
              if (inside) {
                sum +=
                    weight[(o * inputs + i) * kernel * kernel + k]
                        * in[(i * side + row) * side + column];
              }
            }
          }
          expected[(o * size + y) * size + x] = sum;
        }
      }
    }
    NumpyArchive.Array array =
        new NumpyArchive.Array(new int[] {outputs, inputs, kernel, kernel}, weight);
    assertArrayEquals(
        expected, Convolutions.convolve(in, side, Convolutions.Layer.of(array, bias), stride));
  }

  private static float[] numbers(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }
}
