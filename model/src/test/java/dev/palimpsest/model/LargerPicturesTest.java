package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.Segment;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Gemma;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.Sequences;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Two other ways to read a picture of more than the base resolution: in windows of that resolution
 * (the paper, section 5.7.3), and with the rotary positions that it would have there (section 7).
 */
class LargerPicturesTest extends WithKernels {
  private static final int SIDE = 32;
  private static final int WINDOW = 16;
  private static final int TOKENS = 16; // of a picture, four of each window
  private static final int WIDTH = 24;
  private static final int PROMPT = 4;
  private static final int TEXT = 8;
  private static final int HEAD = 12;
  private static final double THETA = 1000;

  private static ModelConfig config(int window, double factor, int slidingWindow) {
    return new ModelConfig(
        new VisionConfig(16, 2, 32, 2, 8, 1e-6, window),
        new LanguageConfig(
                64, WIDTH, 2, 48, 2, 1, HEAD, HEAD, 0, 0, false, slidingWindow, THETA, 1e-6)
            .withImageRopeFactor(factor));
  }

  private static VisionLanguageModel model(ModelConfig config) {
    return Models.of(config, Precision.F32, kernels);
  }

  /** A picture of noise, [side, side, 3]. */
  private static float[] noise(int seed, int side) {
    Random random = new Random(seed);
    float[] pixels = new float[side * side * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = 2 * random.nextFloat() - 1;
    }
    return pixels;
  }

  /** A window of a picture, copied pixel by pixel. */
  private static float[] crop(float[] picture, int row, int column) {
    float[] crop = new float[WINDOW * WINDOW * 3];
    for (int y = 0; y < WINDOW; y++) {
      for (int x = 0; x < WINDOW; x++) {
        for (int c = 0; c < 3; c++) {
          crop[(y * WINDOW + x) * 3 + c] =
              picture[((row * WINDOW + y) * SIDE + column * WINDOW + x) * 3 + c];
        }
      }
    }
    return crop;
  }

  /** The four windows of a picture, one after the other in row order. */
  private static float[] crops(float[] picture) {
    float[] all = new float[picture.length];
    for (int i = 0; i < 4; i++) {
      float[] crop = crop(picture, i / 2, i % 2);
      System.arraycopy(crop, 0, all, i * crop.length, crop.length);
    }
    return all;
  }

  private float[] encoded(ModelConfig config, Parameters parameters, float[] pixels, Shape shape) {
    return model(config)
        .encodeImages(manager, Weights.of(parameters), manager.create(pixels, shape))
        .toFloatArray();
  }

  @Test
  void windowsAreEncodedLikePicturesOfTheirOwn() {
    ModelConfig windowed = config(WINDOW, 0, 0);
    ModelConfig whole = config(0, 0, 0);
    Parameters parameters = Initialization.random(manager, windowed, SIDE, 7);
    assertEquals(new Shape(4, 16), parameters.get("vision/position_embedding").getShape());
    float[] first = noise(1, SIDE);
    float[] second = noise(2, SIDE);
    float[] both = Arrays.copyOf(first, 2 * first.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    float[] tokens = encoded(windowed, parameters, both, new Shape(1, 2, SIDE, SIDE, 3));
    assertEquals(2 * TOKENS * WIDTH, tokens.length);
    for (int window = 0; window < 8; window++) {
      float[] crop = crop(window < 4 ? first : second, window % 4 / 2, window % 2);
      float[] alone = encoded(whole, parameters, crop, new Shape(1, 1, WINDOW, WINDOW, 3));
      assertArrayEquals(
          alone,
          Arrays.copyOfRange(tokens, window * alone.length, (window + 1) * alone.length),
          1e-5f, // products of fewer rows may be summed in another order
          "window " + window);
    }
    // A picture that is no larger than a window is one.
    float[] small = noise(3, WINDOW);
    Shape shape = new Shape(1, 1, WINDOW, WINDOW, 3);
    assertArrayEquals(
        encoded(whole, parameters, small, shape), encoded(windowed, parameters, small, shape));
  }

  @Test
  void windowsAreTrainedLikePicturesOfTheirOwn() {
    ModelConfig windowed = config(WINDOW, 0, 0);
    Parameters parameters = Initialization.random(manager, windowed, SIDE, 7);
    float[] picture = noise(1, SIDE);
    Shape four = new Shape(1, 4, WINDOW, WINDOW, 3);
    Parameters ofWindows =
        gradients(windowed, parameters, manager.create(picture, new Shape(1, 1, SIDE, SIDE, 3)));
    Parameters ofPictures =
        gradients(config(0, 0, 0), parameters, manager.create(crops(picture), four));
    for (String name : parameters.names()) {
      float[] expected = ofPictures.get(name).toFloatArray();
      if (!name.endsWith("key/bias")) { // which changes no attention
        assertFalse(Arrays.equals(new float[expected.length], expected), name);
      }
      // The same products of the same numbers, and so the same bits.
      assertArrayEquals(expected, ofWindows.get(name).toFloatArray(), name);
    }
  }

  private Parameters gradients(ModelConfig config, Parameters parameters, NDArray images) {
    Parameters gradients = Parameters.zeros(manager, ParameterSpecs.of(config, WINDOW));
    Shape shape = new Shape(1, TEXT);
    long[] targets = new long[TEXT];
    float[] mask = new float[TEXT];
    for (int i = 0; i < TEXT; i++) {
      targets[i] = 11L + i;
      mask[i] = i < PROMPT - 1 ? 0 : 1;
    }
    model(config)
        .accumulateGradients(
            Weights.training(parameters, name -> true, gradients),
            new TrainingInput(
                input(images), manager.create(targets, shape), manager.create(mask, shape)),
            LossOptions.PLAIN);
    return gradients;
  }

  private ModelInput input(NDArray images) {
    long[] text = new long[TEXT];
    long[] maskAr = new long[TEXT];
    for (int i = 0; i < TEXT; i++) {
      text[i] = 10L + i;
      maskAr[i] = i < PROMPT ? 0 : 1;
    }
    Shape shape = new Shape(1, TEXT);
    return new ModelInput(images, manager.create(text, shape), manager.create(maskAr, shape));
  }

  @Test
  void windowsAreCosted() {
    ModelConfig windowed = config(WINDOW, 0, 0);
    ModelCost cost = new ModelCost(windowed, SIDE, Precision.F32);
    assertEquals(
        ParameterSpecs.of(windowed, SIDE).values().stream().mapToLong(Shape::size).sum(),
        cost.parameterCount());
    assertEquals(vision(new ModelCost(config(0, 0, 0), WINDOW, Precision.F32), 4), vision(cost, 1));
  }

  private static double vision(ModelCost cost, int pictures) {
    return cost.blocks(new ModelCost.Pass(pictures, 1, 1, 1)).stream()
        .filter(block -> block.part() == ModelCost.Part.VISION)
        .mapToDouble(block -> block.forward() + block.backward() + block.bytes().activations())
        .sum();
  }

  /** Two examples, of two pictures and of none, in one sequence and in two. */
  @Test
  void imageTokensAreTurnedByTheirPositionsDividedAndTextGoesOnFromThere() {
    int[] pictures = {2, 0};
    int[] texts = {3, 2};
    long[] maskAr = {0, 0, 1, 0, 1, 0};
    double[] first = {0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 3, 4};
    assertTurned(
        new Layout(new Sequences(pictures, texts, new int[] {0, 0}), 4, maskAr, Segment.SUFFIX),
        concatenated(first, 0, 1));
    assertTurned(
        new Layout(new Sequences(pictures, texts, new int[] {0, 1}), 4, maskAr, Segment.SUFFIX),
        concatenated(first, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)); // filler goes on
  }

  private static double[] concatenated(double[] first, double... second) {
    double[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }

  private void assertTurned(Layout layout, double[] positions) {
    Gemma decoder = new Gemma(config(0, 4, 0).language());
    float[] rotary = decoder.context(kernels, manager, layout, Trace.NONE).rotary().toFloatArray();
    int half = HEAD / 2;
    assertEquals(2 * positions.length * half, rotary.length);
    for (int at = 0; at < positions.length; at++) {
      for (int i = 0; i < half; i++) {
        double angle = positions[at] / Math.pow(THETA, 2.0 * i / HEAD);
        int place = at * half + i;
        assertEquals(Math.cos(angle), rotary[place], 1e-7, "cosine " + i + " at " + at);
        assertEquals(
            Math.sin(angle), rotary[positions.length * half + place], 1e-7, "sine at " + at);
      }
    }
  }

  @Test
  void decodingTurnsLikeTraining() {
    for (int slidingWindow : new int[] {0, 6}) {
      ModelConfig config = config(WINDOW, 4, slidingWindow);
      Parameters parameters = Initialization.random(manager, config, SIDE, 7);
      Weights weights = Weights.of(parameters);
      ModelInput input = input(manager.create(noise(1, SIDE), new Shape(1, 1, SIDE, SIDE, 3)));
      float[] training = model(config).logits(manager, weights, input, Trace.NONE).toFloatArray();
      float[] plain =
          model(config(WINDOW, 0, slidingWindow))
              .logits(manager, weights, input, Trace.NONE)
              .toFloatArray();
      float[] one =
          model(config(WINDOW, 1, slidingWindow))
              .logits(manager, weights, input, Trace.NONE)
              .toFloatArray();
      assertFalse(Arrays.equals(plain, training));
      assertArrayEquals(plain, one);
      VisionLanguageModel model = model(config);
      try (KeyValueCache cache =
          model.prefill(
              manager,
              weights,
              model.encodeImages(manager, weights, input.images()),
              input.text(), // the suffix counts as padding
              new int[] {PROMPT},
              TEXT - PROMPT)) {
        // Products of another shape are summed in another order.
        assertArrayEquals(at(training, PROMPT - 1), cache.logits().toFloatArray(), 1e-4f);
        long[] suffix = new long[TEXT - PROMPT];
        Arrays.setAll(suffix, i -> 10 + PROMPT + i);
        float[] scores =
            model
                .continuationScores(
                    manager, weights, cache, manager.create(suffix, new Shape(1, suffix.length)))
                .logProbabilities()
                .toFloatArray();
        for (int i = 0; i < suffix.length; i++) {
          float[] logits = at(training, PROMPT - 1 + i);
          assertEquals(logProbability(logits, (int) suffix[i]), scores[i], 1e-4, "token " + i);
          model.decodeStep(weights, cache, new long[] {suffix[i]});
          assertArrayEquals(at(training, PROMPT + i), cache.logits().toFloatArray(), 1e-4f);
        }
      }
    }
  }

  private static double logProbability(float[] logits, int token) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    return logits[token] - Math.log(sum);
  }

  private static float[] at(float[] logits, int token) {
    int vocabulary = logits.length / TEXT;
    return Arrays.copyOfRange(logits, token * vocabulary, (token + 1) * vocabulary);
  }
}
