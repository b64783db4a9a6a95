package dev.palimpsest.mixtures.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RowArithmeticTest {
  private static final RowArithmetic SCALAR = new ScalarRowArithmetic();

  @Test
  void everyByteAtEveryPlaceOfAVector() {
    byte[] bytes = new byte[600];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 7);
    }
    for (RowArithmetic way : List.of(RowArithmetic.fastest(), SCALAR)) {
      for (int from = 0; from < 9; from++) {
        for (int count : new int[] {0, 1, 7, 8, 9, 591}) {
          float[] found = new float[593];
          float[] expected = new float[593];
          Arrays.fill(found, -1);
          way.toFloats(bytes, from, count, found);
          for (int i = 0; i < expected.length; i++) {
            expected[i] = i < count ? bytes[from + i] & 0xff : -1;
          }
          assertArrayEquals(expected, found);
        }
      }
    }
  }

  @Test
  void allWaysGiveTheSameBits() {
    Random random = new Random(5);
    for (int[] sides : new int[][] {{1, 1}, {2, 3}, {31, 47}, {640, 480}, {1900, 64}}) {
      byte[] rgb = new byte[3 * sides[0] * sides[1]];
      random.nextBytes(rgb);
      Image image = new Image(sides[0], sides[1], rgb);
      for (ResizeMethod.Kernel kernel : ResizeMethod.Kernel.values()) {
        for (int size : new int[] {1, 14, 64, 448}) {
          ResizeMethod method = new ResizeMethod(kernel, true);
          assertArrayEquals(
              resized(image, size, method, SCALAR),
              resized(image, size, method, RowArithmetic.fastest()),
              () -> Arrays.toString(sides) + " to " + size + " by " + method);
        }
      }
    }
  }

  private static float[] resized(Image image, int size, ResizeMethod method, RowArithmetic way) {
    FloatBuffer levels = FloatBuffer.allocate(3 * size * size);
    TensorFlowResize.weighted(image, size, method, way, (row, count) -> levels.put(row, 0, count));
    return levels.array();
  }

  @Test
  void vectorsAreUsedWhereTheJvmHasThem() {
    assumeTrue(ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent());
    assertEquals("VectorRowArithmetic", RowArithmetic.fastest().getClass().getSimpleName());
  }
}
