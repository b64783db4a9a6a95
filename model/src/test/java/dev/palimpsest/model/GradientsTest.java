package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.model.towers.ModelInput;
import java.util.Arrays;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What training relies on besides the gradients' values. */
class GradientsTest extends WithKernels {
  static final LossOptions DROPPING = new LossOptions(0.1, new Dropout(0.2, 17, 0), 1);

  Golden golden;
  Parameters parameters;
  TrainingInput batch;

  @BeforeEach
  void useTheFirstGeneration() {
    golden = Golden.load("case1_v1_tiny");
    parameters = golden.parameters(manager);
    batch = golden.trainingInput(manager);
  }

  void use(String name) {
    golden = Golden.load(name);
    parameters = golden.parameters(manager);
    batch = golden.trainingInput(manager);
  }

  @Test
  void microBatchesAddUpToTheLargeBatch() {
    Parameters whole = gradients(model(Precision.F32), batch, LossOptions.PLAIN, name -> true);
    Parameters sum = zeros(golden);
    double mean = 0;
    for (int b = 0; b < 3; b++) {
      String row = b + ":" + (b + 1);
      TrainingInput one =
          new TrainingInput(
              new ModelInput(
                  batch.input().images().get(row),
                  batch.input().text().get(row),
                  batch.input().maskAr().get(row)),
              batch.targets().get(row),
              batch.lossMask().get(row));
      LossOptions options = new LossOptions(0, Dropout.NONE, 1 / 3.0);
      mean +=
          model(Precision.F32)
                  .accumulateGradients(
                      Weights.training(parameters, name -> true, sum), one, options)
                  .mean()
              / 3;
    }
    assertEquals(golden.expected.at("/scalars/loss_bv").asDouble(), mean, 1e-5 * mean);
    for (String name : whole.names()) {
      float[] expected = whole.get(name).toFloatArray();
      float[] actual = sum.get(name).toFloatArray();
      // float32 sums in another order; key biases are zero but for rounding
      double tolerance = Math.max(1e-7, 1e-5 * maximum(expected));
      assertArrayEquals(expected, actual, (float) tolerance, name);
    }
  }

  @Test
  void anExampleWithoutSupervisedTokensCountsAsZero() {
    NDArray mask = batch.lossMask().duplicate();
    mask.get("1").muli(0);
    TrainingInput some = new TrainingInput(batch.input(), batch.targets(), mask);
    Loss all = model(Precision.F32).loss(Weights.of(parameters), batch, LossOptions.PLAIN);
    Loss loss = model(Precision.F32).loss(Weights.of(parameters), some, LossOptions.PLAIN);
    assertEquals(0, loss.perExample()[1]);
    assertEquals(0, loss.supervisedTokens()[1]);
    assertEquals(all.mean() - all.perExample()[1] / 3, loss.mean(), 1e-6);

    NDArray none = mask.zerosLike();
    Parameters gradients =
        gradients(
            model(Precision.F32),
            new TrainingInput(batch.input(), batch.targets(), none),
            LossOptions.PLAIN,
            name -> true);
    gradients.asMap().values().forEach(g -> assertEquals(0, maximum(g.toFloatArray())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"vision/", "vision/|connector/", "language/", "language/embedding", "."})
  void frozenPartsStayUntouchedAndDoNotAlterTheRest(String frozen) {
    use("case3b_gemma2_sliding");
    Predicate<String> trained =
        name ->
            Arrays.stream(frozen.split("\\|"))
                .noneMatch(
                    part ->
                        part.equals(".")
                            ? !name.equals("language/norm/scale")
                            : name.startsWith(part));
    Parameters all = gradients(model(Precision.F32), batch, DROPPING, name -> true);
    Parameters some = gradients(model(Precision.F32), batch, DROPPING, trained);
    for (String name : all.names()) {
      float[] actual = some.get(name).toFloatArray();
      if (trained.test(name)) {
        assertArrayEquals(all.get(name).toFloatArray(), actual, name);
      } else {
        assertEquals(0, maximum(actual), name);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void keptAndRecomputedGraphsGiveEqualBits(Precision precision) {
    use("case3b_gemma2_sliding");
    VisionLanguageModel keeping = Models.of(golden.config, precision, kernels, 1L << 30);
    VisionLanguageModel keepingSome = Models.of(golden.config, precision, kernels, 700_000);
    VisionLanguageModel recomputing = Models.of(golden.config, precision, kernels, 0);
    Parameters expected = gradients(keeping, batch, DROPPING, name -> true);
    assertBitEqual(expected, gradients(recomputing, batch, DROPPING, name -> true));
    assertBitEqual(expected, gradients(keepingSome, batch, DROPPING, name -> true));
  }

  @Test
  void twentyStepsLeaveNoArrayBehind() {
    VisionLanguageModel model = model(Precision.F32);
    Parameters gradients = zeros(golden);
    Weights weights = Weights.training(parameters, name -> true, gradients);
    model.accumulateGradients(weights, batch, DROPPING);
    int own = count(parameters) + count(gradients) + manager.getManagedArrays().size();
    for (int i = 0; i < 20; i++) {
      model.accumulateGradients(weights, batch, DROPPING);
      model.loss(weights, batch, LossOptions.PLAIN);
    }
    assertEquals(own, count(parameters) + count(gradients) + manager.getManagedArrays().size());
  }

  @Test
  void dropoutFollowsItsSeed() {
    VisionLanguageModel model = model(Precision.F32);
    double loss = loss(model, new Dropout(0.2, 5, 3));
    assertEquals(loss, loss(model, new Dropout(0.2, 5, 3)));
    assertNotEquals(loss, loss(model, new Dropout(0.2, 6, 3)));
    assertNotEquals(loss, loss(model, new Dropout(0.2, 5, 4)));
    assertEquals(
        model.loss(Weights.of(parameters), batch, LossOptions.PLAIN).mean(),
        loss(model, new Dropout(0, 6, 3)));
  }

  private double loss(VisionLanguageModel model, Dropout dropout) {
    return model.loss(Weights.of(parameters), batch, new LossOptions(0, dropout, 1)).mean();
  }

  @Test
  void dropoutKeepsTheExpectation() {
    NDArray ones = manager.ones(new Shape(100_000));
    float[] dropped = kernels.array(manager, "drop", ones, 0.3, 7L).toFloatArray();
    int zeros = 0;
    for (float value : dropped) {
      assertTrue(value == 0 || Math.abs(value - 1 / 0.7) < 1e-6);
      zeros += value == 0 ? 1 : 0;
    }
    // Four standard deviations of a binomial count: 4 * sqrt(1e5 * 0.3 * 0.7) = 580.
    assertEquals(30_000, zeros, 580);
    assertFalse(
        Arrays.equals(dropped, kernels.array(manager, "drop", ones, 0.3, 8L).toFloatArray()));
  }

  /** Case 3b's logits are large enough for its soft-caps to bend them, so rounding shows more. */
  @ParameterizedTest
  @CsvSource({"case1_v1_tiny, 0.99", "case3b_gemma2_sliding, 0.9", "case4_multi_image, 0.99"})
  void bfloat16StaysNearFloat32(String name, double leastCosine) {
    use(name);
    Loss exact = model(Precision.F32).loss(Weights.of(parameters), batch, LossOptions.PLAIN);
    Parameters gradients = zeros(golden);
    Loss rounded =
        model(Precision.BF16)
            .accumulateGradients(
                Weights.training(parameters, parameter -> true, gradients),
                batch,
                LossOptions.PLAIN);
    // bfloat16 has 8 bits: 0.4 % a product; some of it averages out.
    assertEquals(exact.mean(), rounded.mean(), 0.01 * exact.mean());
    assertNotEquals(exact.mean(), rounded.mean());
    golden
        .gradients()
        .forEach(
            (parameter, expected) -> {
              if (expected.maximum() >= 1e-6) {
                float[] actual = gradients.get(parameter).toFloatArray();
                double cosine = cosine(expected.values(), actual);
                assertTrue(cosine > leastCosine, () -> parameter + ": cosine " + cosine);
              }
            });
  }

  private VisionLanguageModel model(Precision precision) {
    return Models.of(golden.config, precision, kernels);
  }

  private Parameters gradients(
      VisionLanguageModel model,
      TrainingInput input,
      LossOptions options,
      Predicate<String> trained) {
    Parameters gradients = zeros(golden);
    model.accumulateGradients(Weights.training(parameters, trained, gradients), input, options);
    return gradients;
  }

  private static int count(Parameters parameters) {
    return parameters.get("language/norm/scale").getManager().getManagedArrays().size();
  }

  private static void assertBitEqual(Parameters expected, Parameters actual) {
    for (String name : expected.names()) {
      assertArrayEquals(expected.get(name).toFloatArray(), actual.get(name).toFloatArray(), name);
    }
  }

  private static double cosine(float[] a, float[] b) {
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += (double) a[i] * b[i];
      aa += (double) a[i] * a[i];
      bb += (double) b[i] * b[i];
    }
    return ab / Math.sqrt(aa * bb);
  }
}
