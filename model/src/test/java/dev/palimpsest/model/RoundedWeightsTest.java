package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.towers.KeyValueCache;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Matrices that are held in bfloat16 by a model that computes in it. */
class RoundedWeightsTest extends WithKernels {
  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding"})
  void giveTheBitsThatRoundingAtEveryUseGives(String name) {
    Golden golden = Golden.load(name);
    Set<String> products = ParameterSpecs.products(golden.config, golden.resolution);
    VisionLanguageModel model = Models.of(golden.config, Precision.BF16, kernels);
    Parameters exact = inFloat32(golden.parameters(manager).rounded(manager, products));
    Parameters rounded = golden.parameters(manager).rounded(manager, products);
    assertEquals(Precision.F32, Weights.of(exact).products());
    assertEquals(Precision.BF16, Weights.of(rounded).products());
    assertTrue(rounded.bytes() < 0.6 * exact.bytes(), rounded.bytes() + " bytes");
    assertArrayEquals(prefill(golden, model, exact, 0), prefill(golden, model, rounded, 0));
  }

  /** A step that multiplies in bfloat16 against one that multiplies the same weights in float32. */
  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding"})
  void decodeWithinTheRoundingOfTheirProducts(String name) {
    Golden golden = Golden.load(name);
    Set<String> products = ParameterSpecs.products(golden.config, golden.resolution);
    VisionLanguageModel model = Models.of(golden.config, Precision.BF16, kernels);
    Parameters rounded = golden.parameters(manager).rounded(manager, products);
    float[] expected =
        prefill(golden, model, inFloat32(golden.parameters(manager).rounded(manager, products)), 3);
    float[] actual = prefill(golden, model, rounded, 3);
    double largest = maximum(expected);
    for (int i = 0; i < expected.length; i++) {
      // bfloat16 has 8 bits; a few dozen roundings one after the other
      assertEquals(expected[i], actual[i], 0.05 * largest);
    }
  }

  private Parameters inFloat32(Parameters parameters) {
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    parameters
        .asMap()
        .forEach(
            (name, array) -> arrays.put(name, FloatArrays.converted(own, array, Precision.F32)));
    return new Parameters(own, arrays);
  }

  /** Logits after the prompt and some tokens of which all rows get the same. */
  private float[] prefill(
      Golden golden, VisionLanguageModel model, Parameters parameters, int steps) {
    Weights weights = Weights.of(parameters);
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, golden.images(manager)),
            golden.inputs.get("eval_text").integers(manager),
            golden.promptLengths(),
            steps)) {
      for (int i = 0; i < steps; i++) {
        long[] tokens = new long[golden.promptLengths().length];
        Arrays.fill(tokens, 5 + i);
        model.decodeStep(weights, cache, tokens);
      }
      return cache.logits().toFloatArray();
    }
  }
}
