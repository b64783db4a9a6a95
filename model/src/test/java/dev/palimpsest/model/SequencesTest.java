package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.Sequences;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Examples with different numbers of pictures in one batch, and several examples in one sequence.
 * What they must equal is each example alone, which {@code PaliGemmaTest} compares with the
 * reference. Case 3b has soft-caps, grouped keys and a sliding window of 8, shorter than its
 * examples.
 */
class SequencesTest extends WithKernels {
  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void mixedPictureCountsGiveWhatEachExampleGivesAlone(String name) {
    Given given = new Given(name);
    given.assertLikeAlone(given.separate());
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case3b_gemma2_sliding", "case4_multi_image"})
  void packedExamplesGiveWhatEachGivesAlone(String name) {
    Given given = new Given(name);
    Sequences packed = given.packed(1000);
    assertEquals(1, packed.count());
    given.assertLikeAlone(packed);
  }

  @Test
  void aFreshConnectorHasFiniteGradientsBesideExamplesWithoutPictures() {
    Given given = new Given("case1_v1_tiny");
    given.parameters.get("connector/kernel").muli(0);
    given.parameters.get("connector/bias").muli(0);
    given.assertLikeAlone(given.packed(1000));
    Parameters gradients = given.assertLikeAlone(given.separate());
    assertTrue(maximum(gradients.get("connector/kernel").toFloatArray()) > 0);
    gradients
        .asMap()
        .forEach(
            (parameter, gradient) -> {
              for (float value : gradient.toFloatArray()) {
                assertTrue(Float.isFinite(value), parameter);
              }
            });
  }

  @Test
  void aBatchWithoutPicturesTrainsTheDecoderAlone() {
    Given given = new Given("case1_v1_tiny");
    Given without = new Given(given);
    Parameters gradients = without.assertLikeAlone(without.separate());
    gradients
        .asMap()
        .forEach(
            (parameter, gradient) ->
                assertEquals(
                    parameter.startsWith("language/"),
                    maximum(gradient.toFloatArray()) > 0,
                    parameter));
  }

  /** Not within a tolerance: what is hidden is multiplied by zero. */
  @ParameterizedTest
  @CsvSource({"case1_v1_tiny, 1000", "case3b_gemma2_sliding, 1000", "case1_v1_tiny, 1"})
  void noExampleSeesAnother(String name, int limit) {
    Given given = new Given(name);
    Sequences sequences = given.packed(limit);
    VisionLanguageModel model = given.model(Precision.F32);
    TrainingInput batch = given.batch(sequences);
    float[] before =
        model.loss(Weights.of(given.parameters), batch, LossOptions.PLAIN).perExample();
    NDArray text = batch.input().text().duplicate();
    text.set(new NDIndex("1, 1:4"), 7);
    NDArray others = given.pictures.duplicate();
    others.set(new NDIndex("0"), 0.25f);
    ModelInput input = new ModelInput(others, text, batch.input().maskAr(), sequences);
    TrainingInput changed = new TrainingInput(input, batch.targets(), batch.lossMask());
    float[] after =
        model.loss(Weights.of(given.parameters), changed, LossOptions.PLAIN).perExample();
    for (int b = 0; b < before.length; b++) {
      if (b == 1) {
        assertNotEquals(before[b], after[b]);
      } else {
        assertEquals(before[b], after[b], "example " + b);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"case1_v1_tiny", "case4_multi_image"})
  void bfloat16StaysNearFloat32(String name) {
    Given given = new Given(name);
    TrainingInput packed = given.batch(given.packed(1000));
    VisionLanguageModel exact = given.model(Precision.F32);
    VisionLanguageModel rounded = given.model(Precision.BF16);
    double expected = exact.loss(Weights.of(given.parameters), packed, LossOptions.PLAIN).mean();
    // bfloat16 has 8 bits: 0.4 % a product; some of it averages out.
    assertEquals(
        expected,
        rounded.loss(Weights.of(given.parameters), packed, LossOptions.PLAIN).mean(),
        0.01 * expected);
  }

  @Test
  void examplesGoIntoTheFirstSequenceWithRoom() {
    int[] pictures = {1, 0, 1, 0, 0, 2};
    int[] texts = {6, 5, 4, 6, 1, 3};
    // With 4 tokens a picture: 10, 5, 8, 6, 1 and 11 tokens.
    assertArrayEquals(
        new int[] {0, 1, 2, 1, 0, 3}, Sequences.packed(pictures, texts, 4, 12).rows());
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5}, Sequences.packed(pictures, texts, 4, 1).rows());
  }

  @Test
  void picturesThatDoNotAddUpAreRefused() {
    Given given = new Given("case1_v1_tiny");
    given.counts[0] = 1;
    TrainingInput batch = given.batch(given.packed(1000));
    VisionLanguageModel model = given.model(Precision.F32);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> model.loss(Weights.of(given.parameters), batch, LossOptions.PLAIN));
    assertTrue(e.toString().contains("4 pictures in total, but 3"), e.toString());
  }

  /** A case whose pictures are handed out anew. */
  private final class Given {
    final Golden golden;
    final Parameters parameters;
    final TrainingInput uniform;
    final NDArray pictures; // [P, S, S, 3]
    final int[] counts; // pictures by example

    /** The first example has none, the second one, the last the rest. */
    Given(String name) {
      golden = Golden.load(name);
      parameters = golden.parameters(manager);
      uniform = golden.trainingInput(manager);
      pictures = golden.images(manager).reshape(-1, golden.resolution, golden.resolution, 3);
      counts = new int[Math.toIntExact(uniform.input().text().getShape().get(0))];
      int all = Math.toIntExact(pictures.getShape().get(0));
      counts[1] = counts.length == 2 ? all : 1;
      counts[counts.length - 1] = all - (counts.length == 2 ? 0 : 1);
    }

    /** No example has any. */
    Given(Given other) {
      golden = other.golden;
      parameters = other.parameters;
      uniform = other.uniform;
      pictures = other.pictures.get(new NDIndex("0:0"));
      counts = new int[other.counts.length];
    }

    VisionLanguageModel model(Precision precision) {
      return Models.of(golden.config, precision, kernels);
    }

    Sequences separate() {
      return Sequences.separate(counts, Math.toIntExact(uniform.input().text().getShape().get(1)));
    }

    Sequences packed(int limit) {
      int pictureTokens = golden.config.vision().imageTokens(golden.resolution);
      return Sequences.packed(counts, realTokens(), pictureTokens, limit);
    }

    private Parameters assertLikeAlone(Sequences sequences) {
      VisionLanguageModel model = model(Precision.F32);
      int examples = counts.length;
      Parameters expected = zeros(golden);
      float[] losses = new float[examples];
      int first = 0;
      for (int b = 0; b < examples; b++) {
        LossOptions share = new LossOptions(0, Dropout.NONE, 1.0 / examples);
        TrainingInput one = alone(b, first);
        losses[b] =
            (float)
                model
                    .accumulateGradients(
                        Weights.training(parameters, name -> true, expected), one, share)
                    .mean();
        first += counts[b];
      }
      Parameters actual = zeros(golden);
      TrainingInput batch = batch(sequences);
      Loss loss =
          model.accumulateGradients(
              Weights.training(parameters, name -> true, actual), batch, LossOptions.PLAIN);
      // The same numbers in sums of another order, and through products of other shapes.
      for (int b = 0; b < examples; b++) {
        assertEquals(losses[b], loss.perExample()[b], 1e-5 * losses[b], "example " + b);
      }
      for (String name : expected.names()) {
        float[] values = expected.get(name).toFloatArray();
        double tolerance = Math.max(1e-7, 1e-5 * maximum(values));
        assertArrayEquals(values, actual.get(name).toFloatArray(), (float) tolerance, name);
      }
      return actual;
    }

    /** An example by itself, with nothing but its own pictures and all of its padding. */
    private TrainingInput alone(int b, int firstPicture) {
      int side = golden.resolution;
      String row = b + ":" + (b + 1);
      NDArray own =
          pictures
              .get(new NDIndex(firstPicture + ":" + (firstPicture + counts[b])))
              .reshape(new Shape(1, counts[b], side, side, 3));
      return new TrainingInput(
          new ModelInput(own, uniform.input().text().get(row), uniform.input().maskAr().get(row)),
          uniform.targets().get(row),
          uniform.lossMask().get(row));
    }

    private TrainingInput batch(Sequences sequences) {
      return new TrainingInput(
          new ModelInput(pictures, uniform.input().text(), uniform.input().maskAr(), sequences),
          uniform.targets(),
          uniform.lossMask());
    }

    /** Text tokens up to the last that predicts something. */
    private int[] realTokens() {
      long columns = uniform.lossMask().getShape().get(1);
      float[] mask = uniform.lossMask().toFloatArray();
      int[] real = new int[counts.length];
      for (int i = 0; i < mask.length; i++) {
        if (mask[i] != 0) {
          real[(int) (i / columns)] = (int) (i % columns) + 1;
        }
      }
      return real;
    }
  }
}
