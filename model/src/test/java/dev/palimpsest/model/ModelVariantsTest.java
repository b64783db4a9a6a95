package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelConfig.Connector;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.Segment;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.ModelInput;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Other masks, another connector and an image tower without blocks (the paper, section 5). */
class ModelVariantsTest extends WithKernels {
  private static final int SIDE = 16;
  private static final int IMAGE = 4; // tokens
  private static final int PROMPT = 4;
  private static final int TEXT = 8;
  private static final int ROWS = 64;

  private static ModelConfig config(int depth, Connector connector, Segment causalFrom) {
    return new ModelConfig(
        new VisionConfig(16, depth, 32, 2, 8, 1e-6),
        new LanguageConfig(ROWS, 24, 2, 48, 2, 1, 12, 12, 0, 0, false, 0, 10000, 1e-6),
        connector,
        causalFrom);
  }

  private static VisionLanguageModel model(ModelConfig config) {
    return Models.of(config, Precision.F32, kernels);
  }

  private Parameters parameters(ModelConfig config) {
    return Initialization.random(manager, config, SIDE, 7);
  }

  private NDArray image() {
    Random random = new Random(3);
    float[] pixels = new float[SIDE * SIDE * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = 2 * random.nextFloat() - 1;
    }
    return manager.create(pixels, new Shape(1, 1, SIDE, SIDE, 3));
  }

  /** Tokens 10, 11, ...; one may be replaced. */
  private ModelInput input(int replaced) {
    long[] text = new long[TEXT];
    long[] maskAr = new long[TEXT];
    for (int i = 0; i < TEXT; i++) {
      text[i] = i == replaced ? 60 : 10 + i;
      maskAr[i] = i < PROMPT ? 0 : 1;
    }
    Shape shape = new Shape(1, TEXT);
    return new ModelInput(image(), manager.create(text, shape), manager.create(maskAr, shape));
  }

  private float[] logits(ModelConfig config, Parameters parameters, int replaced) {
    return model(config)
        .logits(manager, Weights.of(parameters), input(replaced), Trace.NONE)
        .toFloatArray();
  }

  private static float[] at(float[] logits, int token) {
    return Arrays.copyOfRange(logits, token * ROWS, (token + 1) * ROWS);
  }

  @ParameterizedTest
  @EnumSource(Segment.class)
  void aTokenSeesWhatItsMaskSays(Segment causalFrom) {
    int free =
        causalFrom == Segment.IMAGE ? 0 : causalFrom == Segment.PREFIX ? IMAGE : IMAGE + PROMPT;
    ModelConfig config = config(1, Connector.LINEAR, causalFrom);
    boolean[][] seen = new boolean[1][];
    Trace trace =
        (name, value) -> {
          if (name.equals("attn_mask")) {
            seen[0] = value.toType(DataType.BOOLEAN, true).toBooleanArray();
          }
        };
    model(config).logits(manager, Weights.of(parameters(config)), input(-1), trace);
    int length = IMAGE + TEXT;
    for (int query = 0; query < length; query++) {
      for (int key = 0; key < length; key++) {
        boolean expected = key <= query || (query < free && key < free);
        assertEquals(expected, seen[0][query * length + key], query + " sees " + key);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"IMAGE, true", "PREFIX, true", "SUFFIX, false"})
  void anEarlierTokenOfACausalPromptDoesNotChangeWithALaterOne(Segment causalFrom, boolean hidden) {
    ModelConfig config = config(1, Connector.LINEAR, causalFrom);
    Parameters parameters = parameters(config);
    float[] before = logits(config, parameters, -1);
    float[] after = logits(config, parameters, PROMPT - 1);
    assertEquals(hidden, Arrays.equals(at(before, 0), at(after, 0)));
    assertFalse(Arrays.equals(at(before, PROMPT), at(after, PROMPT)));
    float[] afterSuffix = logits(config, parameters, TEXT - 1);
    assertArrayEquals(at(before, TEXT - 2), at(afterSuffix, TEXT - 2));
  }

  @ParameterizedTest
  @EnumSource(Segment.class)
  void decodingSeesTheSameAsTraining(Segment causalFrom) {
    ModelConfig config = config(1, Connector.MLP, causalFrom);
    Parameters parameters = parameters(config);
    Weights weights = Weights.of(parameters);
    float[] training = logits(config, parameters, -1);
    VisionLanguageModel model = model(config);
    ModelInput input = input(-1);
    try (KeyValueCache cache =
        model.prefill(
            manager,
            weights,
            model.encodeImages(manager, weights, input.images()),
            input.text(), // the suffix counts as padding
            new int[] {PROMPT},
            2)) {
      // Products of another shape are summed in another order.
      assertArrayEquals(at(training, PROMPT - 1), cache.logits().toFloatArray(), 1e-4f);
      model.decodeStep(weights, cache, new long[] {10 + PROMPT});
      assertArrayEquals(at(training, PROMPT), cache.logits().toFloatArray(), 1e-4f);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, LINEAR", "1, MLP", "0, LINEAR", "0, MLP"})
  void gradientsAreThoseOfFiniteDifferences(int depth, Connector connector) {
    ModelConfig config = config(depth, connector, Segment.PREFIX);
    Parameters parameters = parameters(config);
    Shape shape = new Shape(1, TEXT);
    long[] targets = new long[TEXT];
    Arrays.setAll(targets, i -> 11 + i);
    TrainingInput batch =
        new TrainingInput(input(-1), manager.create(targets, shape), manager.ones(shape));
    Parameters gradients = Parameters.zeros(manager, ParameterSpecs.of(config, SIDE));
    VisionLanguageModel model = model(config);
    model.accumulateGradients(
        Weights.training(parameters, name -> true, gradients), batch, LossOptions.PLAIN);
    for (String name : parameters.names()) {
      if (!name.startsWith("connector/") && !name.startsWith("vision/embedding/")) {
        continue;
      }
      float[] gradient = gradients.get(name).toFloatArray();
      assertTrue(maximum(gradient) > 0, name);
      int largest = 0;
      for (int i = 0; i < gradient.length; i++) {
        largest = Math.abs(gradient[i]) > Math.abs(gradient[largest]) ? i : largest;
      }
      double step = 1e-2;
      double up = moved(model, parameters, name, largest, step, batch);
      double down = moved(model, parameters, name, largest, -step, batch);
      // float32 losses near 4 over 2e-2, and the curvature over a step of 1e-2
      assertEquals(
          gradient[largest], (up - down) / (2 * step), 2e-4 + 0.02 * maximum(gradient), name);
    }
  }

  private double moved(
      VisionLanguageModel model,
      Parameters parameters,
      String name,
      int at,
      double by,
      TrainingInput batch) {
    NDArray array = parameters.get(name);
    float[] values = array.toFloatArray();
    float before = values[at];
    values[at] += (float) by;
    array.set(values);
    double loss = model.loss(Weights.of(parameters), batch, LossOptions.PLAIN).mean();
    values[at] = before;
    array.set(values);
    return loss;
  }

  @ParameterizedTest
  @CsvSource({"1, LINEAR", "1, MLP", "0, LINEAR", "0, MLP"})
  void costsCountTheParametersThatThereAre(int depth, Connector connector) {
    ModelConfig config = config(depth, connector, Segment.SUFFIX);
    assertEquals(
        ParameterSpecs.of(config, SIDE).values().stream().mapToLong(Shape::size).sum(),
        new ModelCost(config, SIDE, Precision.F32).parameterCount());
  }

  @Test
  void partsThatAreInitialisedAnewAreThoseOfAnUntrainedModelAndTheRestStays() {
    ModelConfig config = config(1, Connector.MLP, Segment.SUFFIX);
    Parameters parameters = parameters(config);
    parameters.asMap().values().forEach(array -> array.addi(1));
    Initialization.again(
        parameters,
        config,
        SIDE,
        7,
        name -> name.startsWith("vision/") || name.startsWith("connector/"));
    Parameters untrained = parameters(config);
    for (String name : parameters.names()) {
      float[] expected = untrained.get(name).toFloatArray();
      if (name.startsWith("language/")) {
        for (int i = 0; i < expected.length; i++) {
          expected[i] += 1;
        }
      } else if (name.equals("connector/kernel")) {
        expected = new float[expected.length];
      }
      assertArrayEquals(expected, parameters.get(name).toFloatArray(), name);
    }
  }
}
