package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.model.towers.Head;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.TokenScores;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Against reference cases evaluated in float64 and rounded to float32: case 1 is Gemma 1, case 3b
 * Gemma 2 with grouped keys, soft-caps and a short sliding window, case 4 has two pictures an
 * example and one key head. Tolerances are those of the cases' READMEs.
 */
class PaliGemmaTest extends WithKernels {
  private static final String TABLE = "language/embedding";

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void forwardMatchesReferenceAtEveryPoint(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    List<String> seen = new ArrayList<>();
    model.logits(
        manager,
        Weights.of(golden.parameters(manager)),
        golden.input(manager),
        (point, value) -> {
          seen.add(point);
          Golden.Tensor expected = golden.outputs.get(point);
          assertArrayEquals(expected.shape(), value.getShape().getShape(), point);
          if (point.equals("attn_mask")) {
            boolean[] visible = value.toBooleanArray();
            for (int i = 0; i < visible.length; i++) {
              assertEquals(expected.values()[i] == 1, visible[i], point);
            }
          } else {
            assertNear(expected, value, 1e-4, point);
          }
        });
    List<String> wanted = new ArrayList<>(golden.outputs.byName().keySet());
    wanted.removeIf(
        point ->
            List.of("token_logp", "per_example_loss", "decode.first_logits").contains(point)
                || point.endsWith("no_final_softcap"));
    assertTrue(seen.containsAll(wanted), () -> "expected " + wanted + ", saw " + seen);
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void gradientsMatchReference(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    Parameters gradients = zeros(golden);
    Loss loss =
        model.accumulateGradients(
            Weights.training(golden.parameters(manager), parameter -> true, gradients),
            golden.trainingInput(manager),
            LossOptions.PLAIN);
    assertEquals(
        golden.expected.at("/scalars/loss_bv").asDouble(),
        loss.mean(),
        1e-5 * Math.abs(loss.mean()));
    for (Map.Entry<String, Golden.Tensor> expected : golden.gradients().entrySet()) {
      if (expected.getValue().maximum() >= 1e-6) { // key biases: zero but for rounding
        assertNear(expected.getValue(), gradients.get(expected.getKey()), 1e-3, expected.getKey());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void labelSmoothingMatchesReference(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    Parameters gradients = zeros(golden);
    LossOptions options =
        new LossOptions(
            golden.expected.at("/scalars/label_smoothing/value").asDouble(), Dropout.NONE, 1);
    Parameters parameters = golden.parameters(manager);
    TrainingInput batch = golden.trainingInput(manager);
    double expected = golden.expected.at("/scalars/label_smoothing/loss_bv").asDouble();
    Loss withGradients =
        model.accumulateGradients(
            Weights.training(parameters, parameter -> true, gradients), batch, options);
    assertEquals(expected, withGradients.mean(), 1e-5 * expected);
    assertEquals(
        expected, model.loss(Weights.of(parameters), batch, options).mean(), 1e-5 * expected);
    double norm = kernels.l2Norm(List.copyOf(gradients.asMap().values()));
    double expectedNorm =
        golden.expected.at("/scalars/label_smoothing/grad_global_norm").asDouble();
    assertEquals(expectedNorm, norm, 3e-4 * expectedNorm);
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void targetLogProbabilitiesMatchReference(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    float[] actual =
        model
            .targetLogProbabilities(
                manager, Weights.of(golden.parameters(manager)), golden.trainingInput(manager))
            .toFloatArray();
    float[] expected = golden.outputs.get("token_logp").values();
    float[] supervised = golden.inputs.get("target_mask").values();
    for (int i = 0; i < expected.length; i++) {
      if (supervised[i] == 1) {
        assertEquals(expected[i], actual[i], 3e-4);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void greedyDecodingThroughTheCacheMatchesReference(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    Weights weights = Weights.of(golden.parameters(manager));
    JsonNode greedy = golden.expected.get("greedy");
    int steps = greedy.get("steps").asInt();
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, golden.images(manager)),
            golden.inputs.get("eval_text").integers(manager),
            golden.promptLengths(),
            steps)) {
      assertNear(golden.outputs.get("decode.first_logits"), cache.logits(), 1e-4, "first logits");
      for (int step = 0; step < steps; step++) {
        long[] tokens = cache.logits().argMax(1).toLongArray();
        float[] logProbabilities = cache.logits().logSoftmax(1).max(new int[] {1}).toFloatArray();
        for (int b = 0; b < tokens.length; b++) {
          assertEquals(greedy.at("/tokens/%d/%d".formatted(b, step)).asLong(), tokens[b]);
          assertEquals(
              greedy.at("/logp/%d/%d".formatted(b, step)).asDouble(), logProbabilities[b], 1e-3);
        }
        model.decodeStep(weights, cache, tokens);
      }
      assertEquals(0, cache.room());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void continuationsScoredInOnePassAreThoseOfTheReferenceAndLeaveTheCacheAlone(String name) {
    Golden golden = Golden.load(name);
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    Weights weights = Weights.of(golden.parameters(manager));
    JsonNode greedy = golden.expected.get("greedy");
    int steps = greedy.get("steps").asInt();
    int rows = greedy.get("tokens").size();
    long[] tokens = new long[rows * steps];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = greedy.at("/tokens/%d/%d".formatted(i / steps, i % steps)).asLong();
    }
    long[] others = tokens.clone();
    Arrays.setAll(others, i -> tokens[i] == 7 ? 8 : 7);
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, golden.images(manager)),
            golden.inputs.get("eval_text").integers(manager),
            golden.promptLengths(),
            steps)) {
      Shape shape = new Shape(rows, steps);
      TokenScores unlikely =
          model.continuationScores(manager, weights, cache, manager.create(others, shape));
      float[] behind = unlikely.leads().toFloatArray();
      TokenScores scores =
          model.continuationScores(manager, weights, cache, manager.create(tokens, shape));
      float[] logProbabilities = scores.logProbabilities().toFloatArray();
      float[] leads = scores.leads().toFloatArray();
      for (int i = 0; i < tokens.length; i++) {
        String at = "/%d/%d".formatted(i / steps, i % steps);
        assertEquals(greedy.at("/logp" + at).asDouble(), logProbabilities[i], 1e-3);
        assertEquals(greedy.at("/top1_minus_top2" + at).asDouble(), leads[i], 1e-3);
      }
      for (int row = 0; row < rows; row++) {
        assertTrue(behind[row * steps] < 0);
      }
      for (int step = 0; step + 1 < steps; step++) {
        int at = step;
        model.decodeStep(
            weights,
            cache,
            IntStream.range(0, rows).mapToLong(b -> tokens[b * steps + at]).toArray());
        assertArrayEquals(
            IntStream.range(0, rows).mapToLong(b -> tokens[b * steps + at + 1]).toArray(),
            cache.logits().argMax(1).toLongArray());
      }
    }
  }

  @Test
  void selectedRowsOfTheCacheContinueWhatTheyWere() {
    Golden golden = Golden.load("case3b_gemma2_sliding");
    VisionLanguageModel model = Models.of(golden.config, Precision.F32, kernels);
    Weights weights = Weights.of(golden.parameters(manager));
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, golden.images(manager)),
            golden.inputs.get("eval_text").integers(manager),
            golden.promptLengths(),
            4)) {
      cache.select(1, 0, 1);
      assertEquals(3, cache.rows());
      for (int step = 0; step < 3; step++) {
        long[] tokens = cache.logits().argMax(1).toLongArray();
        int[] rows = {1, 0, 1};
        for (int i = 0; i < rows.length; i++) {
          assertEquals(
              golden.expected.at("/greedy/tokens/%d/%d".formatted(rows[i], step)).asLong(),
              tokens[i]);
        }
        model.decodeStep(weights, cache, tokens);
      }
    }
  }

  @Test
  void lossesByChunksAreThoseOfTheWhole() {
    Golden golden = Golden.load("case3b_gemma2_sliding");
    Parameters parameters = golden.parameters(manager);
    NDArray rows = manager.randomNormal(new Shape(11, golden.config.language().width()));
    NDArray targets = manager.create(new long[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    NDArray weights = manager.full(new Shape(11), 0.5f);
    LanguageConfig language = golden.config.language();
    Head whole = new Head(language, Precision.F32, kernels, ModelCost.LOGITS);
    Head chunked = new Head(language, Precision.F32, kernels, 3L * language.vocabulary());
    Parameters expectedTable = table(golden);
    Parameters actualTable = table(golden);
    Head.LossesAndGradient expected =
        whole.lossesAndGradient(
            manager, training(parameters, expectedTable), rows, targets, weights, 0.1);
    Head.LossesAndGradient actual =
        chunked.lossesAndGradient(
            manager, training(parameters, actualTable), rows, targets, weights, 0.1);
    float tolerance = 1e-5f; // sums in another order, values of size one
    assertArrayEquals(expected.losses().toFloatArray(), actual.losses().toFloatArray(), tolerance);
    assertArrayEquals(
        expected.rowsGradient().toFloatArray(), actual.rowsGradient().toFloatArray(), tolerance);
    assertArrayEquals(
        expectedTable.get(TABLE).toFloatArray(), actualTable.get(TABLE).toFloatArray(), tolerance);
    assertArrayEquals(
        expected.losses().toFloatArray(),
        chunked.losses(manager, Weights.of(parameters), rows, targets, 0.1).toFloatArray(),
        tolerance);
  }

  private Parameters table(Golden golden) {
    LanguageConfig language = golden.config.language();
    return Parameters.zeros(
        manager, Map.of(TABLE, new Shape(language.vocabulary(), language.width())));
  }

  private static Weights training(Parameters parameters, Parameters gradients) {
    return Weights.training(parameters, TABLE::equals, gradients);
  }

  static void assertNear(Golden.Tensor expected, NDArray actual, double relative, String message) {
    float[] values = actual.toFloatArray();
    assertEquals(expected.values().length, values.length, message);
    double tolerance = relative * expected.maximum();
    for (int i = 0; i < values.length; i++) {
      assertEquals(expected.values()[i], values[i], tolerance, message + " at " + i);
    }
  }
}
