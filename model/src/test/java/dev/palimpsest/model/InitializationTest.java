package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class InitializationTest {
  static final String KERNEL = "vision/blocks/0/mlp/in/kernel";

  @Test
  void equalSeedsAndNamesDrawEqualValues() {
    Shape shape = new Shape(30, 20);
    float[] values = Initialization.values(KERNEL, shape, 1);
    assertArrayEquals(values, Initialization.values(KERNEL, shape, 1));
    assertFalse(Arrays.equals(values, Initialization.values(KERNEL, shape, 2)));
    assertFalse(
        Arrays.equals(values, Initialization.values("vision/blocks/1/mlp/in/kernel", shape, 1)));
  }

  @Test
  void imageTowerKernelsAreXavierUniform() {
    float[] values = Initialization.values(KERNEL, new Shape(300, 200), 3);
    double limit = Math.sqrt(6.0 / 500);
    for (float value : values) {
      assertTrue(Math.abs(value) <= limit);
    }
    // A uniform's deviation; 60000 draws bring it within a percent.
    assertEquals(limit / Math.sqrt(3), deviation(values), 0.01 * limit);
  }

  @Test
  void decoderMatricesAreNormalByFanIn() {
    float[] values = Initialization.values("language/blocks/0/mlp/down/w", new Shape(100, 400), 4);
    assertEquals(1 / Math.sqrt(400), deviation(values), 0.001);
  }

  @Test
  void normsStartAsIdentity() {
    Shape shape = new Shape(5);
    assertArrayEquals(
        new float[] {1, 1, 1, 1, 1}, Initialization.values("vision/norm/scale", shape, 5));
    assertArrayEquals(new float[5], Initialization.values("vision/norm/bias", shape, 5));
    assertArrayEquals(new float[5], Initialization.values("language/norm/scale", shape, 5));
  }

  private static double deviation(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares / values.length);
  }
}
