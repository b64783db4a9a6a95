package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.KeyValueCache;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsTest extends WithKernels {
  private static final BlockSpec BLOCK =
      new BlockSpec(
          "a/b",
          "any",
          List.of(
              new BlockSpec.Parameter("w", new Shape(2), Init.ONES),
              new BlockSpec.Parameter("c/bias", new Shape(1), Init.ZEROS)),
          List.of());

  @Test
  void aLeaseHoldsABlocksParametersByTheirNamesInIt() {
    Parameters parameters = Initialization.random(manager, List.of(BLOCK), 0);
    Parameters gradients = Parameters.zeros(manager, ParameterSpecs.of(List.of(BLOCK)));
    Weights weights = Weights.training(parameters, "a/b/w"::equals, gradients);
    assertTrue(weights.isTrained("a/b/w"));
    assertFalse(weights.isTrained("a/b/c/bias"));
    assertTrue(weights.isTrained(BLOCK));
    try (Weights.Lease lease = weights.take(BLOCK)) {
      assertEquals(List.of("w", "c/bias"), new ArrayList<>(lease.arrays().keySet()));
      assertSame(parameters.get("a/b/w"), lease.arrays().get("w"));
      NDArray gradient = manager.create(new float[] {1, 2});
      lease.add(Map.of("w", gradient));
      lease.add(Map.of("w", gradient));
      lease.sum("w").addi(1);
    }
    assertArrayEquals(new float[] {3, 5}, gradients.get("a/b/w").toFloatArray());
    assertFalse(Weights.of(parameters).isTrained(BLOCK));
  }

  /**
   * Zeros without memory become the first gradient; what gets none stays zero and can be changed.
   */
  @Test
  void gradientsBeginAsTheFirstThatIsAdded() {
    Map<String, Shape> shapes =
        Map.of("a/b/w", new Shape(2, 3), "a/b/c/bias", new Shape(1), "a/b/none", new Shape(4));
    Parameters gradients = Parameters.placeholders(manager, shapes);
    Parameters parameters = Parameters.zeros(manager, shapes);
    BlockSpec block =
        new BlockSpec(
            "a/b",
            "any",
            shapes.entrySet().stream()
                .map(e -> new BlockSpec.Parameter(e.getKey().substring(4), e.getValue(), Init.ONES))
                .toList(),
            List.of());
    Weights weights = Weights.training(parameters, any -> true, gradients);
    try (Weights.Lease lease = weights.take(block)) {
      for (int i = 1; i <= 2; i++) {
        try (NDArray w = manager.arange(0f, 6f).reshape(3, 2).transpose(); // not in memory's order
            NDArray bias = manager.create(new float[] {i})) {
          lease.add(Map.of("w", w, "c/bias", bias));
        }
      }
      lease.sum("none").get("1:3").addi(1);
    }
    assertArrayEquals(new float[] {0, 4, 8, 2, 6, 10}, gradients.get("a/b/w").toFloatArray());
    assertArrayEquals(new float[] {3}, gradients.get("a/b/c/bias").toFloatArray());
    assertArrayEquals(new float[] {0, 1, 1, 0}, gradients.get("a/b/none").toFloatArray());
    for (String name : shapes.keySet()) {
      gradients.release(name);
      assertEquals(shapes.get(name), gradients.get(name).getShape());
      assertArrayEquals(
          new float[(int) gradients.get(name).size()], gradients.get(name).toFloatArray());
    }
    try (NDArray again = manager.arange(6f).reshape(2, 3)) {
      gradients.add("a/b/w", again);
    }
    assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, gradients.get("a/b/w").toFloatArray());
  }

  @Test
  void aBlockOfAnotherModelIsNamed() {
    Parameters parameters = Initialization.random(manager, List.of(BLOCK), 0);
    BlockSpec other = new BlockSpec("a/c", "any", BLOCK.parameters(), List.of());
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> Weights.of(parameters).take(other).arrays());
    assertTrue(String.valueOf(e.getMessage()).contains("a/c/w"), e.toString());
  }

  /**
   * Every parameter is taken on every route, and every lease is given back: nothing reaches a
   * parameter by another way, for these weights know no other.
   */
  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding"})
  void trainingScoringAndDecodingTakeEveryBlockThroughTheDoor(String name) {
    Golden golden = Golden.load(name);
    Set<String> paths = new HashSet<>();
    Architecture.of(golden.config)
        .blocks(golden.resolution)
        .forEach(block -> paths.add(block.path()));
    Parameters parameters = golden.parameters(manager);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    TrainingInput batch = golden.trainingInput(manager);

    CountedWeights training =
        new CountedWeights(Weights.training(parameters, any -> true, zeros(golden)));
    model.accumulateGradients(training, batch, LossOptions.PLAIN);
    assertEquals(paths, new HashSet<>(training.taken));
    assertEquals(0, training.open);

    CountedWeights scoring = new CountedWeights(Weights.of(parameters));
    model.loss(scoring, batch, LossOptions.PLAIN);
    assertEquals(paths, new HashSet<>(scoring.taken));
    assertEquals(0, scoring.open);

    CountedWeights decoding = new CountedWeights(Weights.of(parameters));
    NDArray images = model.encodeImages(manager, decoding, golden.images(manager));
    NDArray text = golden.inputs.get("eval_text").integers(manager);
    try (KeyValueCache cache =
        model.prefill(manager, decoding, images, text, golden.promptLengths(), 2)) {
      assertEquals(paths, new HashSet<>(decoding.taken));
      decoding.taken.clear();
      long[] tokens = cache.logits().argMax(1).toLongArray();
      model.continuationScores(
          manager,
          decoding,
          cache,
          manager.create(new long[2 * tokens.length], new Shape(tokens.length, 2)));
      model.decodeStep(decoding, cache, tokens);
    }
    Set<String> decoder = new HashSet<>(paths);
    decoder.removeIf(path -> path.startsWith("vision") || path.equals("connector"));
    assertEquals(decoder, new HashSet<>(decoding.taken));
    assertEquals(0, decoding.open);
  }
}
