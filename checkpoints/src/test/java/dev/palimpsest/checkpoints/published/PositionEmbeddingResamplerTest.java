package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PositionEmbeddingResamplerTest {
  /** The reference is scipy's own zoom; the tolerance is that of its float32 output. */
  @ParameterizedTest
  @CsvSource({
    "pos_4x4, pos_8x8",
    "pos_8x8, pos_16x16_from_8x8",
    "pos_4x4, pos_16x16_from_4x4",
    "pos_4x4, pos_6x6_from_4x4",
    "pos_4x4, pos_2x2_from_4x4",
    "real_16x16, real_32x32",
    "real_32x32, real_64x64_from_32x32"
  })
  void agreesWithTheReference(String from, String to) {
    try (SafetensorsFile file = SafetensorsFile.open(Golden.path("case5.safetensors"));
        NDManager manager = NDManager.newBaseManager()) {
      Shape old = file.shape(from);
      NDArray grid = manager.create(file.floats(from), new Shape(old.get(1), old.get(2)));
      NDArray resampled = PositionEmbeddingResampler.resample(grid, (int) file.shape(to).get(1));
      assertArrayEquals(file.floats(to), resampled.toFloatArray(), 1e-5f);
    }
  }

  @Test
  void anEqualGridIsReturnedAsItIs() {
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray grid = manager.zeros(new Shape(4, 3));
      assertSame(grid, PositionEmbeddingResampler.resample(grid, 4));
    }
  }

  @Test
  void onePointFillsAGridAndAGridShrinksToItsFirstCorner() {
    assertArrayEquals(
        new float[] {7, 8, 7, 8, 7, 8, 7, 8},
        PositionEmbeddingResampler.resample(new float[] {7, 8}, 1, 2, 4));
    assertArrayEquals(
        new float[] {1}, PositionEmbeddingResampler.resample(new float[] {1, 2, 3, 4}, 4, 1, 1));
  }

  @Test
  void gridsMustBeSquare() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> PositionEmbeddingResampler.resample(new float[6], 6, 1, 4));
    assertEquals("position embeddings must form a square grid, got 6 tokens", e.getMessage());
  }
}
