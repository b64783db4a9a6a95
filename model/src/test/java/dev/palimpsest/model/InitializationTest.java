package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Init;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InitializationTest {
  static final String KERNEL = "vision/blocks/0/mlp/in/kernel";

  @Test
  void equalSeedsAndNamesDrawEqualValues() {
    Shape shape = new Shape(30, 20);
    Init init = Init.xavier(shape);
    float[] values = Initialization.values(KERNEL, init, shape, 1);
    assertArrayEquals(values, Initialization.values(KERNEL, init, shape, 1));
    assertFalse(Arrays.equals(values, Initialization.values(KERNEL, init, shape, 2)));
    assertFalse(
        Arrays.equals(
            values, Initialization.values("vision/blocks/1/mlp/in/kernel", init, shape, 1)));
  }

  /** Draws must not move: drawn towers are written to run folders and their hashes kept. */
  @Test
  void drawsAreThoseOfEarlierVersions() {
    float[] uniform =
        Initialization.values(KERNEL, Init.xavier(new Shape(4, 3)), new Shape(4, 3), 7);
    assertEquals(0.67590356f, uniform[0]);
    Shape square = new Shape(3, 3);
    float[] normal =
        Initialization.values("language/blocks/0/mlp/up/w", Init.fanIn(square), square, 7);
    assertEquals(-0.5077368f, normal[8]);
  }

  @Test
  void xavierCountsAConvolutionsReceptiveFieldBothWays() {
    Init init = Init.xavier(new Shape(300, 200));
    assertEquals(new Init(Init.Distribution.UNIFORM, Math.sqrt(6.0 / 500)), init);
    assertEquals(
        Math.sqrt(6.0 / (3 * 49 + 8 * 49)), Init.xavier(new Shape(8, 3, 7, 7)).size(), 1e-12);
    float[] values = Initialization.values(KERNEL, init, new Shape(300, 200), 3);
    for (float value : values) {
      assertTrue(Math.abs(value) <= init.size());
    }
    // A uniform's deviation; 60000 draws bring it within a percent.
    assertEquals(init.size() / Math.sqrt(3), deviation(values), 0.01 * init.size());
  }

  @Test
  void fanInGivesItsDeviation() {
    Shape shape = new Shape(100, 400);
    float[] values = Initialization.values("any", Init.fanIn(shape), shape, 4);
    assertEquals(1 / Math.sqrt(400), deviation(values), 0.001);
  }

  /** As the towers' references draw them. */
  @Test
  void blocksDeclareTheReferencesDistributions() {
    ModelConfig model = Golden.load("case3b_gemma2_sliding").config;
    Map<String, Init> inits = new HashMap<>();
    for (BlockSpec block : Architecture.of(model).blocks(56)) {
      block.parameters().forEach(p -> inits.put(block.name(p), p.init()));
    }
    inits.forEach(
        (name, init) -> {
          if (name.matches("vision/.*/scale")) {
            assertEquals(Init.ONES, init, name);
          } else if (name.matches("vision/.*/mlp/.*/bias")) {
            assertEquals(Init.normal(1e-6), init, name);
          } else if (name.matches(".*/(bias|scale)")) {
            assertEquals(Init.ZEROS, init, name);
          } else if (name.matches("vision/.*/kernel")) {
            assertEquals(Init.Distribution.UNIFORM, init.distribution(), name);
          } else {
            assertEquals(Init.Distribution.NORMAL, init.distribution(), name);
          }
        });
    double width = model.vision().width();
    assertEquals(Init.normal(1 / Math.sqrt(width)), inits.get("vision/position_embedding"));
    assertEquals(Init.normal(1 / Math.sqrt(width)), inits.get("connector/kernel"));
  }

  private static double deviation(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares / values.length);
  }
}
