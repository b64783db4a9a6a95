package dev.palimpsest.configs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.ModelCost.Flops;
import dev.palimpsest.configs.ModelCost.Part;
import dev.palimpsest.configs.ModelCost.Pass;
import dev.palimpsest.configs.ModelCost.Use;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelCostTest {
  private static final VisionConfig SO400M = new VisionConfig(1152, 27, 4304, 16, 14, 1e-6);

  private static ModelConfig model(String name) {
    return new ModelConfig(
        SO400M,
        switch (name) {
          case "paligemma-3b" -> gemma(2048, 18, 16384, 8, 1, 256, false);
          case "paligemma2-3b" -> gemma(2304, 26, 9216, 8, 4, 256, true);
          case "paligemma2-10b" -> gemma(3584, 42, 14336, 16, 8, 256, true);
          default -> gemma(4608, 46, 36864, 32, 16, 128, true);
        });
  }

  private static LanguageConfig gemma(
      int width, int depth, int mlp, int heads, int keyHeads, int headDim, boolean second) {
    return new LanguageConfig(
        257_216,
        width,
        depth,
        mlp,
        heads,
        keyHeads,
        headDim,
        headDim,
        second ? 50 : 0,
        second ? 30 : 0,
        second,
        second ? 4096 : 0,
        1e4,
        1e-6);
  }

  /**
   * Counts of transformers 5.24 models on the meta device, operations by torch's FlopCounterMode
   * (batch 1, forward and backward): equal, since both count products alone.
   */
  @ParameterizedTest
  @CsvSource({
    "paligemma-3b, 224, 128, 412442352, 2361344, 526778368, 1981884416, "
        + "218968621056, 437590425600, 1207959552, 2415919104, 1543772307456, 3087544614912, 134855262208, 269710524416",
    "paligemma-3b, 448, 512, 413327088, 2361344, 526778368, 1981884416, "
        + "973719207936, 1946051149824, 4831838208, 9663676416, 6436008493056, 12872016986112, 539421048832, 1078842097664",
    "paligemma-3b, 896, 512, 416866032, 2361344, 526778368, 1981884416, "
        + "5460392411136, 10915235758080, 19327352832, 38654705664, 21395379585024, 42790759170048, 539421048832, 1078842097664",
    "paligemma2-3b, 224, 128, 412442352, 2656512, 592625664, 2024517888, "
        + "218968621056, 437590425600, 1358954496, 2717908992, 1586050891776, 3172101783552, 151712169984, 303424339968",
    "paligemma2-3b, 448, 512, 413327088, 2656512, 592625664, 2024517888, "
        + "973719207936, 1946051149824, 5435817984, 10871635968, 6721086947328, 13442173894656, 606848679936, 1213697359872",
    "paligemma2-3b, 896, 512, 416866032, 2656512, 592625664, 2024517888, "
        + "5460392411136, 10915235758080, 21743271936, 43486543872, 23178327883776, 46356655767552, 606848679936, 1213697359872",
    "paligemma2-10b, 224, 128, 412442352, 4132352, 921862144, 8324201984, "
        + "218968621056, 437590425600, 2113929216, 4227858432, 6493990551552, 12987981103104, 235996708864, 471993417728",
    "paligemma2-10b, 448, 512, 413327088, 4132352, 921862144, 8324201984, "
        + "973719207936, 1946051149824, 8455716864, 16911433728, 27193585434624, 54387170869248, 943986835456, 1887973670912",
    "paligemma2-10b, 896, 512, 416866032, 4132352, 921862144, 8324201984, "
        + "5460392411136, 10915235758080, 33822867456, 67645734912, 91321742131200, 182643484262400, 943986835456, 1887973670912",
    "paligemma2-28b, 224, 128, 412442352, 5313024, 1185251328, 26047480320, "
        + "218968621056, 437590425600, 2717908992, 5435817984, 20114942459904, 40229884919808, 303424339968, 606848679936",
    "paligemma2-28b, 448, 512, 413327088, 5313024, 1185251328, 26047480320, "
        + "973719207936, 1946051149824, 10871635968, 21743271936, 81793357185024, 163586714370048, 1213697359872, 2427394719744",
    "paligemma2-28b, 896, 512, 416866032, 5313024, 1185251328, 26047480320, "
        + "5460392411136, 10915235758080, 43486543872, 86973087744, 256048770318336, 512097540636672, 1213697359872, 2427394719744",
  })
  void countsAreThoseOfTransformersAndOfTorchsCounter(
      String name,
      int resolution,
      int textTokens,
      long vision,
      long projector,
      long embedding,
      long language,
      double visionForward,
      double visionBackward,
      double projectorForward,
      double projectorBackward,
      double languageForward,
      double languageBackward,
      double headForward,
      double headBackward) {
    ModelCost cost = new ModelCost(model(name), resolution, Precision.F32);
    assertEquals(
        Map.of(
            Part.VISION, vision,
            Part.CONNECTOR, projector,
            Part.EMBEDDING, embedding,
            Part.DECODER, language,
            Part.HEAD, 0L),
        cost.parameters());
    Pass pass = cost.pass(1, textTokens);
    assertEquals(visionForward, sum(cost, pass, Part.VISION, ModelCost.Block::forward));
    assertEquals(visionBackward, sum(cost, pass, Part.VISION, ModelCost.Block::backward));
    assertEquals(projectorForward, sum(cost, pass, Part.CONNECTOR, ModelCost.Block::forward));
    assertEquals(projectorBackward, sum(cost, pass, Part.CONNECTOR, ModelCost.Block::backward));
    assertEquals(languageForward, sum(cost, pass, Part.DECODER, ModelCost.Block::forward));
    assertEquals(languageBackward, sum(cost, pass, Part.DECODER, ModelCost.Block::backward));
    assertEquals(headForward, sum(cost, pass, Part.HEAD, ModelCost.Block::forward));
    assertEquals(headBackward, sum(cost, pass, Part.HEAD, ModelCost.Block::backward));
  }

  /** Against the counts above: the tower's at 224px for each window, the decoder's at 448px. */
  @Test
  void windowsCostWhatPicturesOfTheirSizeCost() {
    ModelConfig model = model("paligemma-3b");
    ModelCost cost =
        new ModelCost(
            new ModelConfig(SO400M.withImageWindow(224), model.language()), 448, Precision.F32);
    assertEquals(412442352L, cost.parameters().get(Part.VISION));
    Pass pass = cost.pass(1, 512);
    assertEquals(4 * 218968621056.0, sum(cost, pass, Part.VISION, ModelCost.Block::forward));
    assertEquals(4 * 437590425600.0, sum(cost, pass, Part.VISION, ModelCost.Block::backward));
    assertEquals(6436008493056.0, sum(cost, pass, Part.DECODER, ModelCost.Block::forward));
  }

  private static double sum(
      ModelCost cost, Pass pass, Part part, ToDoubleFunction<ModelCost.Block> of) {
    return cost.blocks(pass).stream().filter(b -> b.part() == part).mapToDouble(of).sum();
  }

  @Test
  void graphsThatDoNotFitAreRecomputedFromTheImageTowerOn() {
    ModelCost cost = new ModelCost(StepSizes.SMALL.model(), 224, Precision.F32);
    Pass pass = cost.pass(4, 128);
    Flops all = cost.flops(pass, Long.MAX_VALUE);
    assertEquals(0, all.recomputed());
    assertEquals(all.withoutRecomputation(), all.withRecomputation());
    double blocks = all.forward() - sum(cost, pass, Part.HEAD, ModelCost.Block::forward);
    assertEquals(blocks, cost.flops(pass, 0).recomputed(), 1e-9 * blocks);
    long decoder =
        cost.blocks(pass).stream()
            .filter(b -> b.part() == Part.DECODER)
            .mapToLong(b -> b.bytes().graph())
            .sum();
    double images =
        sum(cost, pass, Part.VISION, ModelCost.Block::forward)
            + sum(cost, pass, Part.CONNECTOR, ModelCost.Block::forward);
    assertEquals(images, cost.flops(pass, decoder).recomputed(), 1e-9 * images);
  }

  @Test
  void aGpuGivesGraphsWhatItHasLeft() {
    assertEquals(0, ModelCost.graphBudget(5L << 30));
    assertEquals(27L << 30, ModelCost.graphBudget(36L << 30));
    assertEquals(4 * ModelCost.LOGITS, ModelCost.logits(true));
    assertEquals(ModelCost.LOGITS, ModelCost.logits(false));
  }

  @Test
  void bytesFollowWhatIsTrainedAndWhatIsKept() {
    ModelCost cost = new ModelCost(StepSizes.SMALL.model(), 224, Precision.F32);
    Pass pass = cost.pass(4, 128);
    long n = cost.parameterCount();
    Map<Use, Long> keeping =
        cost.trainingBytes(pass, n, 8, ModelCost.GRAPH_BUDGET, ModelCost.LOGITS);
    assertEquals(4 * n, keeping.get(Use.PARAMETERS));
    assertEquals(8 * n, keeping.get(Use.MOMENTS));
    assertEquals(
        4 * 100L, cost.trainingBytes(pass, 100, 2, 0, ModelCost.LOGITS).get(Use.GRADIENTS));
    assertEquals(2 * 100L, cost.trainingBytes(pass, 100, 2, 0, ModelCost.LOGITS).get(Use.MOMENTS));
    // Logits and a block's backward pass come one after the other; the larger counts. 4 sequences
    // of
    // 384 tokens, with a gradient of the result of each product: five as wide as the decoder or its
    // queries, keys and values, two as its MLP, and one for each pair of tokens and head.
    assertEquals(0, keeping.get(Use.LOGITS));
    assertEquals(
        4 * 4 * 384L * (4 * 512 + 2 * 64 * (8 + 1) + 2 * 2048 + 8 * 384),
        keeping.get(Use.BACKWARD));
    // 8192 logits at each of the 128 text positions, and their gradient.
    Pass text = new Pass(0, 4, 128, 4 * 128);
    assertEquals(
        2 * 4 * 4 * 128 * 8192L,
        cost.trainingBytes(text, n, 8, ModelCost.GRAPH_BUDGET, ModelCost.LOGITS).get(Use.LOGITS));
    long one = graphs(cost.trainingBytes(pass, n, 8, 0, ModelCost.LOGITS));
    assertEquals(cost.blocks(pass).stream().mapToLong(b -> b.bytes().graph()).max().orElse(0), one);
    assertTrue(graphs(keeping) > 6 * one);
    // By hand, for each token: three arrays of the decoder's width in float32; in bfloat16 four of
    // it,
    // four of the MLP's, eight of the queries', six of the keys'; and the weights, rounded.
    ModelCost bf16 = new ModelCost(StepSizes.SMALL.model(), 224, Precision.BF16);
    long token = 4 * 3 * 512 + 2 * (4 * 512 + 4 * 2048 + 8 * 512 + 6 * 64);
    assertEquals(
        4 * 384 * token + 2 * 512 * (64 * (2 * 8 + 2) + 3 * 2048),
        graphs(bf16.trainingBytes(pass, n, 8, 0, ModelCost.LOGITS)));
  }

  /** At the true width a block's rounded weights are larger than its activations. */
  @Test
  void keptGraphsFitTheBudgetWithTheirRoundedWeights() {
    ModelCost cost = new ModelCost(model("paligemma-3b"), 224, Precision.BF16);
    Pass pass = cost.pass(1, 128);
    long one = graphs(cost.trainingBytes(pass, 0, 0, 0, ModelCost.LOGITS));
    long kept = graphs(cost.trainingBytes(pass, 0, 0, ModelCost.GRAPH_BUDGET, ModelCost.LOGITS));
    assertTrue(kept > ModelCost.GRAPH_BUDGET / 2, "kept " + kept);
    assertTrue(kept <= ModelCost.GRAPH_BUDGET + one, "kept " + kept);
  }

  private static long graphs(Map<Use, Long> bytes) {
    return Objects.requireNonNull(bytes.get(Use.GRAPHS));
  }
}
