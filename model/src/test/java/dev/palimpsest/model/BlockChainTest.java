package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockChain;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.BlockSpec.Parameter;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Four layers, tanh(x W^T + b) / 2, from width 3 to width 3. */
class BlockChainTest extends WithKernels {
  private static final int DEPTH = 4;
  private static final int WIDTH = 3;
  private static final long GRAPH = 100; // bytes that each block says it keeps

  private Parameters parameters;
  private Parameters gradients;
  private NDArray x;
  private NDArray upstream;
  private GradientMode off;

  @BeforeEach
  void draw() {
    kernels.require("layer.py");
    off = new GradientMode(false);
    parameters = Initialization.random(manager, specs(), 3);
    gradients = Parameters.zeros(manager, ParameterSpecs.of(specs()));
    x = manager.create(new float[] {0.3f, -0.2f, 0.9f, -0.5f, 0.1f, 0.4f}, new Shape(2, WIDTH));
    upstream = manager.create(new float[] {1, -2, 0.5f, 0.25f, 1, -1}, new Shape(2, WIDTH));
  }

  @AfterEach
  void restore() {
    off.close();
  }

  private static List<BlockSpec> specs() {
    return IntStream.range(0, DEPTH)
        .mapToObj(
            i ->
                new BlockSpec(
                    "layers/" + i,
                    "layer",
                    List.of(
                        new Parameter("w", new Shape(WIDTH, WIDTH), Init.normal(1)),
                        new Parameter("b", new Shape(WIDTH), Init.normal(0.5))),
                    List.of(0.5)))
        .toList();
  }

  private CountedWeights weights(Predicate<String> trained) {
    return new CountedWeights(Weights.training(parameters, trained, gradients));
  }

  private static BlockChain chain(Weights weights) {
    return new BlockChain(
        kernels,
        weights,
        specs().stream().map(spec -> new Block(spec.path(), spec, List.of(), GRAPH)).toList());
  }

  /** Sum of upstream times output, in float64 but for what the kernels round. */
  private double objective() {
    float[] y = chain(Weights.of(parameters)).forward(manager, x, Trace.NONE).toFloatArray();
    float[] u = upstream.toFloatArray();
    return IntStream.range(0, y.length).mapToDouble(i -> (double) y[i] * u[i]).sum();
  }

  @Test
  void everyGradientIsThatOfFiniteDifferences() {
    BlockChain.Recording recording = chain(weights(name -> true)).record(manager, x, true, 0);
    NDArray dx = present(recording.backward(upstream));
    for (String name : parameters.names()) {
      assertSlopes(parameters.get(name), gradients.get(name), name);
    }
    assertSlopes(x, dx, "the input");
  }

  private static NDArray present(@Nullable NDArray array) {
    return Objects.requireNonNull(array, "no gradient of the input");
  }

  private void assertSlopes(NDArray array, NDArray gradient, String name) {
    float[] slopes = gradient.toFloatArray();
    float h = 1e-2f;
    for (int i = 0; i < slopes.length; i++) {
      float[] values = array.toFloatArray();
      float before = values[i];
      values[i] = before + h;
      array.set(values);
      double above = objective();
      values[i] = before - h;
      array.set(values);
      double below = objective();
      values[i] = before;
      array.set(values);
      // h^2 and float32's rounding over 2 h are both about 1e-5; slopes are of size 0.1.
      assertEquals((above - below) / (2 * h), slopes[i], 2e-4, name + " at " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, GRAPH, 2 * GRAPH + 1, DEPTH * GRAPH})
  void graphsThatFitTheBudgetAreKeptAndGiveTheSameBits(long budget) {
    NDArray expected = chain(weights(name -> true)).record(manager, x, true, 0).backward(upstream);
    List<float[]> all = values(gradients);
    gradients.asMap().values().forEach(g -> g.muli(0));

    CountedWeights counted = weights(name -> true);
    BlockChain.Recording recording = chain(counted).record(manager, x, true, budget);
    int kept = (int) (budget / GRAPH);
    assertEquals(kept, counted.open, "leases of kept graphs stay open");
    NDArray actual = recording.backward(upstream);
    assertEquals(2 * DEPTH - kept, counted.taken.size(), "blocks taken");
    assertEquals(0, counted.open);
    assertArrayEquals(present(expected).toFloatArray(), present(actual).toFloatArray());
    List<float[]> again = values(gradients);
    for (int i = 0; i < all.size(); i++) {
      assertArrayEquals(all.get(i), again.get(i));
    }
  }

  @Test
  void theWayBackEndsAtTheLowestTrainedBlock() {
    CountedWeights counted = weights(name -> name.startsWith("layers/2/"));
    BlockChain chain = chain(counted);
    assertTrue(chain.isTrained());
    BlockChain.Recording recording = chain.record(manager, x, false, 0);
    counted.taken.clear();
    assertNull(recording.backward(upstream));
    assertEquals(List.of("layers/3", "layers/2"), counted.taken);
    for (String name : gradients.names()) {
      assertEquals(
          name.startsWith("layers/2/"), maximum(gradients.get(name).toFloatArray()) > 0, name);
    }
  }

  @Test
  void frozenBlocksPassGradientsOn() {
    chain(weights(name -> true)).record(manager, x, true, 0).backward(upstream);
    float[] expected = gradients.get("layers/0/w").toFloatArray();
    gradients.asMap().values().forEach(g -> g.muli(0));
    chain(weights("layers/0/w"::equals)).record(manager, x, false, 0).backward(upstream);
    assertArrayEquals(expected, gradients.get("layers/0/w").toFloatArray());
    assertEquals(0, maximum(gradients.get("layers/0/b").toFloatArray()));
  }

  @Test
  void gradientsAddUp() {
    BlockChain chain = chain(weights(name -> true));
    chain.record(manager, x, false, 0).backward(upstream);
    float[] once = gradients.get("layers/1/w").toFloatArray();
    chain.record(manager, x, false, 0).backward(upstream);
    float[] twice = gradients.get("layers/1/w").toFloatArray();
    for (int i = 0; i < once.length; i++) {
      assertEquals(2 * once[i], twice[i]);
    }
  }

  @Test
  void anUntrainedChainHasNoWayBack() {
    CountedWeights counted = weights(name -> false);
    BlockChain chain = chain(counted);
    assertFalse(chain.isTrained());
    assertNull(chain.record(manager, x, false, DEPTH * GRAPH).backward(upstream));
    assertEquals(DEPTH, counted.taken.size());
    assertEquals(0, counted.open);
  }

  @Test
  void forwardTellsTheTraceAndLeavesOneArray() {
    List<String> seen = new ArrayList<>();
    int before = manager.getManagedArrays().size();
    chain(weights(name -> true)).forward(manager, x, (name, value) -> seen.add(name)).close();
    assertEquals(List.of("layers/0", "layers/1", "layers/2", "layers/3"), seen);
    assertEquals(before, manager.getManagedArrays().size());
  }

  @Test
  void aKernelThatFailsGivesItsLeaseBack() {
    CountedWeights counted = weights(name -> true);
    NDArray tooWide = manager.zeros(new Shape(2, WIDTH + 1));
    assertThrows(EngineException.class, () -> chain(counted).forward(manager, tooWide, Trace.NONE));
    assertThrows(
        EngineException.class, () -> chain(counted).record(manager, tooWide, true, GRAPH * DEPTH));
    assertEquals(0, counted.open);
  }

  private static List<float[]> values(Parameters parameters) {
    return parameters.asMap().values().stream().map(NDArray::toFloatArray).toList();
  }
}
