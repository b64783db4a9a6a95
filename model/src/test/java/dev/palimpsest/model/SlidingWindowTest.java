package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.TokenScores;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * A window that binds the suffix alone, as in transformers 5.24, whose numbers these are: float64,
 * weights and inputs of case 3b (a window of 7, 16 image tokens, prompts of up to 10 tokens).
 * {@link PaliGemmaTest} compares the other kind with transformers 4.48. Tolerances are the case's.
 */
class SlidingWindowTest extends WithKernels {
  private final Golden golden = Golden.load("case3b_gemma2_sliding");
  private final Golden.Tensors expected = golden.file("window_of_suffix.safetensors");

  private VisionLanguageModel model() {
    ModelConfig config = golden.config;
    return Models.of(
        new ModelConfig(config.vision(), config.language().withWindowCutsPrefix(false)),
        Precision.F32,
        kernels);
  }

  @Test
  void inTrainingThePrefixSeesAllOfItselfAndTheSuffixOnlyWhatIsNear() {
    NDArray logits =
        model()
            .logits(
                manager, Weights.of(golden.parameters(manager)), golden.input(manager), Trace.NONE);
    Golden.Tensor reference = expected.get("logits");
    float[] actual = logits.toFloatArray();
    float[] valid = golden.inputs.get("valid_text").values();
    int width = (int) reference.shape()[2];
    for (int i = 0; i < actual.length; i++) {
      if (valid[i / width] == 1) {
        assertEquals(reference.values()[i], actual[i], 1e-4 * reference.maximum(), "logit " + i);
      }
    }
  }

  @Test
  void decodingThroughTheCacheAndScoringInOnePassSeeTheSame() {
    Weights weights = Weights.of(golden.parameters(manager));
    VisionLanguageModel model = model();
    int steps = 8;
    long[] tokens = expected.get("greedy").integers(manager).toLongArray();
    float[] logProbabilities = expected.get("greedy_logp").values();
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, golden.images(manager)),
            golden.inputs.get("eval_text").integers(manager),
            golden.promptLengths(),
            steps)) {
      TokenScores scores =
          model.continuationScores(
              manager,
              weights,
              cache,
              manager.create(tokens, new Shape(tokens.length / steps, steps)));
      assertArrayEquals(logProbabilities, scores.logProbabilities().toFloatArray(), 1e-3f);
      for (int step = 0; step < steps; step++) {
        int at = step;
        long[] wanted =
            IntStream.range(0, tokens.length / steps)
                .mapToLong(row -> tokens[row * steps + at])
                .toArray();
        assertArrayEquals(wanted, cache.logits().argMax(1).toLongArray(), "step " + step);
        model.decodeStep(weights, cache, wanted);
      }
    }
  }
}
