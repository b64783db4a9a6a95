package dev.palimpsest.stages.handover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.PositionEmbeddingResampler;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FunctionPreservationTest {
  private static final String POSITIONS = "vision/position_embedding";
  private static final ModelConfig MODEL =
      new ModelConfig(
          new VisionConfig(16, 2, 32, 2, 4, 1e-6),
          new LanguageConfig(20, 24, 1, 48, 2, 1, 8, 8, 0, 0, false, 0, 10_000, 1e-6));

  private final NDManager manager = NDManager.newBaseManager();
  private final Kernels kernels = Kernels.load();
  private final VisionLanguageModel model = Models.of(MODEL, Precision.F32, kernels);

  @AfterEach
  void close() {
    kernels.close();
    manager.close();
  }

  @Test
  void nothingChangesWhereNothingChanged() {
    Parameters tower = tower();
    FunctionPreservation same = measure(tower, tower, 16, picture(16));
    assertEquals(1, same.patchCosine(), 1e-12);
    assertEquals(0, same.patchRelativeError());
    assertEquals(0, same.pictureRelativeError());
  }

  /** Then every patch sees the same at both resolutions: the check's own zero. */
  @Test
  void onePlainColourUnderEqualPositionsIsPreserved() {
    Parameters before = with(tower(), manager.ones(new Shape(16, 16)));
    Parameters after = with(before, manager.ones(new Shape(64, 16)));
    float[] grey = new float[32 * 32 * 3];
    Arrays.fill(grey, 0.3f);
    FunctionPreservation plain = measure(before, after, 32, grey);
    assertEquals(1, plain.patchCosine(), 1e-6); // float32 sums over four times as many tokens
    assertEquals(0, plain.patchRelativeError(), 1e-5);
    assertEquals(0, plain.pictureRelativeError(), 1e-5);
  }

  @Test
  void aWrongResamplingStandsOut() {
    Parameters before = with(tower(), manager.randomNormal(new Shape(16, 16)));
    NDArray right = PositionEmbeddingResampler.resample(before.get(POSITIONS), 64);
    NDArray wrong = right.flip(0);
    double error = measure(before, with(before, right), 32, picture(32)).patchRelativeError();
    double worse = measure(before, with(before, wrong), 32, picture(32)).patchRelativeError();
    assertTrue(worse > 1.5 * error, error + " for the right one, " + worse + " for the wrong one");
  }

  @Test
  void averagingAndEnlargingKeepWhatTheyCan() {
    float[] values = {1, 2, 3, 4};
    assertArrayEquals(new float[] {2.5f}, FunctionPreservation.averaged(values, 2, 1, 1));
    assertArrayEquals(
        values,
        FunctionPreservation.averaged(FunctionPreservation.averaged(values, 2, 1, 6), 6, 1, 2),
        1e-6f);
    // Three columns to two: each of two takes one and a half.
    float[] rows = {0, 3, 6, 0, 3, 6, 0, 3, 6};
    assertArrayEquals(
        new float[] {1, 5, 1, 5}, FunctionPreservation.averaged(rows, 3, 1, 2), 1e-6f);
    assertArrayEquals(
        new float[] {0, 0.25f, 0.75f, 1},
        Arrays.copyOf(FunctionPreservation.enlarged(new float[] {0, 1, 0, 1}, 2, 1, 4), 4),
        1e-6f);
  }

  private FunctionPreservation measure(
      Parameters before, Parameters after, int resolution, float[] picture) {
    return FunctionPreservation.measure(
        manager, model, before, after, 16, resolution, List.of(picture));
  }

  private Parameters tower() {
    return Initialization.random(manager, MODEL, 16, 5);
  }

  private Parameters with(Parameters tower, NDArray positions) {
    Map<String, NDArray> arrays = new LinkedHashMap<>(tower.asMap());
    arrays.put(POSITIONS, positions);
    return new Parameters(manager, arrays);
  }

  private static float[] picture(int side) {
    Random random = new Random(side);
    float[] values = new float[side * side * 3];
    for (int i = 0; i < values.length; i++) {
      values[i] = 2 * random.nextFloat() - 1;
    }
    return values;
  }
}
