package dev.palimpsest.model.ranks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Golden;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.WithKernels;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gradients are exchanged while the backward pass goes on. Latches, not clocks, show it. */
class OverlapTest extends WithKernels {
  @TempDir Path folder;
  private Golden golden;
  private Parameters parameters;
  private TrainingInput batch;
  private VisionLanguageModel model;
  private Twins ranks;

  @BeforeEach
  void prepare() {
    golden = Golden.load("case1_v1_tiny");
    parameters = golden.parameters(manager);
    batch = golden.trainingInput(manager);
    model = Models.of(golden.config, Precision.F32, kernels);
    ranks = new Twins(new Watchdog(0, folder, Duration.ofMinutes(5)));
  }

  @AfterEach
  void leave() {
    ranks.close();
  }

  /** Rank 0 of two, of which the other one has the same numbers. */
  private static final class Twins extends Connected {
    Runnable duringSums = () -> {};

    Twins(Watchdog watchdog) {
      super(watchdog, 0, 2, true);
    }

    @Override
    public String transport() {
      return "a test";
    }

    @Override
    public void sum(NDArray array) {
      during(
          "the sum of %d numbers".formatted(array.size()),
          () -> {
            duringSums.run();
            array.muli(2);
          });
    }

    @Override
    public void reduceScatter(NDArray array, Parts parts) {
      sum(array);
    }

    @Override
    public void reduceScatterInOrder(NDArray array, Parts parts) {
      sum(array);
    }

    @Override
    public void allGather(NDArray array, Parts parts) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void broadcast(NDArray array, int from) {
      throw new CollectiveException("there is no rank " + from, null);
    }

    @Override
    public byte[] broadcast(byte[] bytes, int from) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<byte[]> gather(byte[] bytes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean any(boolean mine) {
      boolean[] any = {false};
      during("the agreement", () -> any[0] = mine);
      return any[0];
    }

    @Override
    public void barrier() {
      during("the barrier", () -> {});
    }

    @Override
    public void await() {
      finish();
    }

    @Override
    Connected part(int group) {
      throw new UnsupportedOperationException();
    }

    @Override
    void end(boolean isPart) {}
  }

  private static void await(CountDownLatch event, String what) {
    try {
      assertTrue(event.await(60, TimeUnit.SECONDS), what);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private Parameters gradients() {
    Parameters gradients = Parameters.zeros(manager, parameters.shapes());
    model.accumulateGradients(
        Weights.training(parameters, name -> true, gradients), batch, LossOptions.PLAIN);
    return gradients;
  }

  @Test
  void theLastBlocksGradientsAreSummedWhileTheFirstBlockIsComputed() {
    Parameters expected = gradients();
    Parameters gradients = Parameters.zeros(manager, parameters.shapes());
    List<String> backwards = new ArrayList<>(parameters.names());
    Collections.reverse(backwards);
    String first = backwards.get(0);
    String last = backwards.get(backwards.size() - 1);
    CountDownLatch sumHasBegun = new CountDownLatch(1);
    CountDownLatch passIsOver = new CountDownLatch(1);
    List<String> order = new ArrayList<>();
    try (Weights weights =
        Weights.inTurn(
            Weights.training(parameters, name -> true, gradients),
            backwards,
            name -> {
              order.add(name);
              if (name.equals(last)) {
                await(sumHasBegun, "no sum has begun before the first block's gradient is there");
                passIsOver.countDown();
              }
              ranks.begin(
                  () -> {
                    if (name.equals(first)) {
                      sumHasBegun.countDown();
                      await(passIsOver, "the backward pass waits for a sum");
                    }
                    ranks.sum(gradients.get(name));
                  });
            })) {
      model.accumulateGradients(weights, batch, LossOptions.PLAIN);
      assertEquals(backwards, order, "all before the pass is closed");
    }
    assertEquals(Duration.ZERO, ranks.takeWaited());
    ranks.finish();
    for (String name : parameters.names()) {
      float[] twice = expected.get(name).mul(2).toFloatArray();
      assertArrayEquals(twice, gradients.get(name).toFloatArray(), name);
    }
  }

  @Test
  void aRankWithoutGradientsTakesPartInTheSameOrder() {
    List<String> backwards = new ArrayList<>(parameters.names());
    Collections.reverse(backwards);
    List<String> order = new ArrayList<>();
    Parameters gradients = Parameters.zeros(manager, parameters.shapes());
    TrainingInput nothing =
        new TrainingInput(batch.input(), batch.targets(), batch.lossMask().zerosLike());
    try (Weights weights =
        Weights.inTurn(
            Weights.training(parameters, name -> true, gradients), backwards, order::add)) {
      model.accumulateGradients(weights, nothing, LossOptions.PLAIN);
    }
    assertEquals(backwards, order);
  }

  @Test
  void whereGradientsAreDividedABlocksOwnAreSummedWhileTheNextIsComputed() {
    Parameters expected = gradients();
    Map<String, Shape> halves = new LinkedHashMap<>();
    parameters.shapes().forEach((name, shape) -> halves.put(name, part(shape.size())));
    Parameters own = Parameters.zeros(manager, halves);
    CountDownLatch sumHasBegun = new CountDownLatch(1);
    CountDownLatch nextIsComputed = new CountDownLatch(1);
    ranks.duringSums =
        () -> {
          sumHasBegun.countDown();
          await(nextIsComputed, "the backward pass waits for a sum");
        };
    List<String> added = new ArrayList<>();
    try (Weights weights =
        observed(
            Weights.divided(
                Weights.of(parameters),
                name -> true,
                own,
                name -> Parts.evenly(parameters.get(name).size(), 2),
                RankGrid.of(ranks, 0, false)),
            block -> {
              added.add(block.path());
              if (added.size() == 2) {
                await(sumHasBegun, "no sum has begun when the next block's gradient is there");
                nextIsComputed.countDown();
              }
            })) {
      model.accumulateGradients(weights, batch, LossOptions.PLAIN);
    }
    ranks.finish();
    for (String name : parameters.names()) {
      NDArray whole = expected.get(name);
      float[] twice = Parts.evenly(whole.size(), 2).of(whole, 0).mul(2).toFloatArray();
      assertArrayEquals(twice, own.get(name).toFloatArray(), name);
    }
  }

  private static Shape part(long size) {
    return new Shape(Parts.evenly(size, 2).length(0));
  }

  @Test
  void aFailureIsThrownToWhoeverWaitsAndNothingIsRunAfterIt() {
    NDArray array = manager.ones(new Shape(3));
    ranks.begin(() -> ranks.broadcast(array, 7));
    ranks.begin(() -> ranks.sum(array));
    for (int i = 0; i < 2; i++) {
      CollectiveException failure = assertThrows(CollectiveException.class, () -> ranks.any(true));
      assertEquals("there is no rank 7", failure.getMessage());
    }
    assertArrayEquals(new float[] {1, 1, 1}, array.toFloatArray());
  }

  /** Weights that say when a block's gradients are there, before they are added. */
  private static Weights observed(Weights weights, Consumer<BlockSpec> computed) {
    return (Weights)
        Proxy.newProxyInstance(
            OverlapTest.class.getClassLoader(),
            new Class<?>[] {Weights.class},
            (self, method, arguments) ->
                method.getName().equals("take")
                    ? observed(weights, (BlockSpec) arguments[0], computed)
                    : method.invoke(weights, arguments));
  }

  private static Weights.Lease observed(
      Weights weights, BlockSpec block, Consumer<BlockSpec> computed) {
    Weights.Lease lease = weights.take(block);
    return (Weights.Lease)
        Proxy.newProxyInstance(
            OverlapTest.class.getClassLoader(),
            new Class<?>[] {Weights.Lease.class},
            (self, method, arguments) -> {
              if (method.getName().equals("add")) {
                computed.accept(block);
              }
              return method.invoke(lease, arguments);
            });
  }
}
