package dev.palimpsest.model.towers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.Segment;
import dev.palimpsest.model.WithKernels;
import dev.palimpsest.model.blocks.BlockChain;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.towers.Layout.Span;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Examples that attend one by one, as long ones do on a GPU, against one mask for all. Five
 * examples: with two pictures, with none, and with a prompt and no answer; the fourth is in the
 * first sequence, and sequences end in filler.
 */
@SuppressWarnings("try") // gradient modes are used by being open
class AttentionInPartsTest extends WithKernels {
  private static final int WIDTH = 24;
  private static final int IMAGE = 6;
  private static final int[] PICTURES = {2, 0, 1, 0, 1};
  private static final int[] TEXTS = {4, 5, 3, 2, 5};
  private static final int[] ROWS = {0, 1, 1, 0, 2};
  private static final long[] MASK_AR = {
    0, 0, 1, 1, 0, //
    0, 1, 1, 1, 1, //
    0, 0, 0, 0, 0, //
    1, 1, 0, 0, 0, //
    0, 0, 0, 1, 1
  };

  private static final LanguageConfig CONFIG =
      new LanguageConfig(32, WIDTH, 2, 40, 4, 2, 8, 8, 0, 0, false, 0, false, 10000, 1e-6, 0);

  private static Layout layout(Segment causalFrom) {
    return new Layout(new Sequences(PICTURES, TEXTS, ROWS), IMAGE, MASK_AR, causalFrom);
  }

  @Test
  void aSpanEndsItsPrefixWhereTokensBeginToSeeMore() {
    assertEquals(
        List.of(
            new Span(0, 0, 14, 16),
            new Span(0, 16, 17, 18), // a first token of the suffix sees itself
            new Span(1, 0, 1, 5),
            new Span(1, 5, 14, 14),
            new Span(2, 0, 9, 11)),
        layout(Segment.SUFFIX).spans());
    assertEquals(new Span(0, 0, 12, 16), layout(Segment.PREFIX).spans().get(0));
    assertEquals(new Span(0, 0, 1, 16), layout(Segment.IMAGE).spans().get(0));
  }

  @ParameterizedTest
  @EnumSource(Segment.class)
  void outputsAndGradientsAreThoseOfOneMask(Segment causalFrom) {
    Layout layout = layout(causalFrom);
    Gemma decoder = new Gemma(CONFIG);
    Random random = new Random(0);
    Map<String, NDArray> drawn = new LinkedHashMap<>();
    Map<String, Shape> shapes = new LinkedHashMap<>();
    for (BlockSpec block : decoder.specs()) {
      for (BlockSpec.Parameter parameter : block.parameters()) {
        shapes.put(block.name(parameter), parameter.shape());
        drawn.put(block.name(parameter), normal(random, parameter.shape()));
      }
    }
    Parameters parameters = new Parameters(manager.newSubManager(), drawn);
    NDArray x = normal(random, new Shape(layout.rows(), layout.length(), WIDTH));
    NDArray upstream = normal(random, x.getShape()); // of examples' places, as in training
    float[] weights = upstream.toFloatArray();
    long[] segments = layout.segments();
    for (int i = 0; i < weights.length; i++) {
      weights[i] = segments[i / WIDTH] < 0 ? 0 : weights[i];
    }
    upstream.set(weights);

    List<float[]> together = pass(layout, false, parameters, shapes, x, upstream);
    List<float[]> apart = pass(layout, true, parameters, shapes, x, upstream);
    for (int i = 0; i < together.size(); i++) {
      float[] expected = Objects.requireNonNull(together.get(i));
      float[] found = Objects.requireNonNull(apart.get(i));
      double largest = 0;
      for (float value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertTrue(largest > 0, "array " + i + " is zero");
      for (int j = 0; j < expected.length; j++) {
        // Sums of some hundred float32 products, in another order.
        assertEquals(expected[j], found[j], 2e-5 * largest, "array " + i + " at " + j);
      }
    }
  }

  private NDArray normal(Random random, Shape shape) {
    float[] values = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / 3);
    }
    return manager.create(values, shape);
  }

  /** The output at examples' places, the input's gradient there, and the parameters' gradients. */
  private List<float[]> pass(
      Layout layout,
      boolean apart,
      Parameters parameters,
      Map<String, Shape> shapes,
      NDArray x,
      NDArray upstream) {
    Gemma decoder = new Gemma(CONFIG);
    Parameters gradients = Parameters.zeros(manager, shapes);
    try (GradientMode off = new GradientMode(false)) {
      Gemma.AttentionContext context = decoder.context(kernels, manager, layout, Trace.NONE);
      assertEquals(List.of(), context.spans()); // a CPU attends together
      BlockChain chain =
          new BlockChain(
              kernels,
              Weights.training(parameters, name -> true, gradients),
              decoder.blocks(
                  apart ? context.with(layout.spans()) : context, Dropout.NONE, Precision.F32));
      BlockChain.Recording recording = chain.record(manager, x, true, 0);
      List<float[]> found = new ArrayList<>();
      found.add(placed(layout, recording.output().toFloatArray()));
      found.add(
          placed(layout, Objects.requireNonNull(recording.backward(upstream)).toFloatArray()));
      for (String name : gradients.names()) {
        if (name.startsWith("language/blocks")) {
          found.add(gradients.get(name).toFloatArray());
        }
      }
      return found;
    }
  }

  /** Filler attends to filler in one way and to nothing in the other; nothing reads it. */
  private static float[] placed(Layout layout, float[] values) {
    long[] segments = layout.segments();
    float[] placed = values.clone();
    for (int i = 0; i < placed.length; i++) {
      placed[i] = segments[i / WIDTH] < 0 ? 0 : placed[i];
    }
    return placed;
  }
}
