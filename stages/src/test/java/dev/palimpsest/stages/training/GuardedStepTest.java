package dev.palimpsest.stages.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.model.UnreadLoss;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.TinyStage;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Capsule;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.step.GuardEvent;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.TrainStep;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps of a tiny stage, some of them on pictures that are not numbers. */
class GuardedStepTest {
  @TempDir private Path run;

  /** One step after another on the stage's own batches. */
  private static final class Steps implements AutoCloseable {
    private final TinyStage stage;
    private final GuardedStep step;
    private final StageCheckpoints checkpoints;
    private final Mixture.BatchStream batches;
    private TrainState state;

    Steps(TinyStage stage) {
      this(stage, stage.model());
    }

    Steps(TinyStage stage, VisionLanguageModel model) {
      this.stage = stage;
      TrainState start = stage.start();
      checkpoints = stage.checkpoints(start);
      batches = stage.mixture().batches(0, 4, 2, 1);
      var optimizer = stage.config().requiredOptimizer();
      ParameterGroups groups = ParameterGroups.of(optimizer, start.parameters().names(), 24);
      Optimizer adam = Optimizer.of(optimizer, groups, stage.kernels());
      state = adam.prepared(stage.manager(), start, Storage.IN_MEMORY);
      step =
          new GuardedStep(
              stage.config(),
              new TrainStep(model, stage.config(), adam, Storage.IN_MEMORY, 3),
              checkpoints,
              null);
    }

    /**
     * Makes a step.
     *
     * @param poisoned whether its pictures are not numbers
     */
    GuardedStep.Done make(boolean poisoned) {
      GuardedStep.Done done =
          step.run(
              stage.manager(),
              state,
              micro -> {
                MicroBatch batch = MicroBatch.upload(micro, batches.next(), stage.packing());
                if (poisoned) {
                  batch.input().input().images().muli(Float.NaN);
                }
                return batch;
              });
      state = done.state();
      return done;
    }

    @Override
    public void close() {
      batches.close();
      checkpoints.close();
    }
  }

  private static Map<String, Integer> hashes(Parameters parameters) {
    Map<String, Integer> hashes = new LinkedHashMap<>();
    parameters
        .asMap()
        .forEach((name, array) -> hashes.put(name, Arrays.hashCode(array.toFloatArray())));
    return hashes;
  }

  @Test
  void aSoundStepMovesTheParametersAndIsRemembered() {
    try (TinyStage stage = TinyStage.open(run, "stages.stage1.guard={spike: note, window: 3}");
        Steps steps = new Steps(stage)) {
      Map<String, Integer> before = hashes(steps.state.parameters());
      GuardedStep.Done done = steps.make(false);
      assertNull(done.event());
      assertTrue(done.outcome().updated());
      assertNotEquals(before, hashes(steps.state.parameters()));
      assertEquals(1, steps.state.updates());
      assertEquals(4, steps.state.examples());
      assertEquals(new GuardState(List.of(done.outcome().loss()), 0, 0), steps.state.guard());
    }
  }

  @Test
  void aSkippedStepUsesItsBatchUpAndMovesNothing() {
    try (TinyStage stage = TinyStage.open(run, "stages.stage1.guard={nonFinite: skip}");
        Steps steps = new Steps(stage)) {
      steps.make(false);
      Map<String, Integer> before = hashes(steps.state.parameters());
      GuardedStep.Done done = steps.make(true);
      assertEquals(GuardEvent.Action.SKIP, event(done).action());
      assertFalse(done.outcome().updated());
      assertEquals(before, hashes(steps.state.parameters()));
      assertEquals(1, steps.state.updates());
      assertEquals(8, steps.state.examples());
      assertEquals(new GuardState(List.of(), 1, 1), steps.state.guard());
      // The next one is as if nothing had been.
      assertTrue(steps.make(false).outcome().updated());
      assertEquals(2, steps.state.updates());
    }
  }

  private static GuardEvent event(GuardedStep.Done done) {
    GuardEvent event = done.event();
    if (event == null) {
      throw new AssertionError("the guard found nothing");
    }
    return event;
  }

  private static Path capsule(GuardedStep.Done done) {
    return Objects.requireNonNull(event(done).capsule(), "no capsule");
  }

  @Test
  void aCapsuleHoldsTheStateBeforeTheStepAndTheBitsOfTheStep() {
    try (TinyStage stage = TinyStage.open(run, "stages.stage1.guard={nonFinite: skip}");
        Steps steps = new Steps(stage)) {
      steps.make(false);
      Map<String, Integer> before = hashes(steps.state.parameters());
      GuardedStep.Done done = steps.make(true);
      Path folder = capsule(done);
      assertEquals(run.resolve("stage1/capsules/examples-000000000004").toAbsolutePath(), folder);
      var checkpoint = CheckpointStore.open(folder);
      TrainState kept = StateFiles.read(stage.manager(), checkpoint);
      assertEquals(before, hashes(kept.parameters()));
      assertEquals(1, kept.updates());
      Capsule capsule = Capsule.of(checkpoint);
      assertEquals("the loss is NaN", capsule.found());
      assertEquals("skip", capsule.action());
      assertEquals(Capsule.bits(done.outcome().loss()), capsule.lossBits());
      assertEquals(
          done.outcome().ids(),
          capsule.parts().stream().flatMap(part -> part.ids().stream()).toList());
      assertEquals(
          List.of(4L, 6L), capsule.parts().stream().map(Capsule.Part::firstPosition).toList());
    }
  }

  @Test
  void onlyAsManyCapsulesAreLeftAsTheRecipeAllows() {
    try (TinyStage stage =
            TinyStage.open(run, "stages.stage1.guard={nonFinite: skip, capsules: 1}");
        Steps steps = new Steps(stage)) {
      assertTrue(Files.isDirectory(capsule(steps.make(true))));
      assertNull(event(steps.make(true)).capsule());
      assertEquals(new GuardState(List.of(), 2, 1), steps.state.guard());
    }
  }

  @Test
  void aNotedSpikeIsMadeAllTheSame() {
    try (TinyStage stage =
            TinyStage.open(
                run,
                "stages.stage1.guard={spike: note, window: 3, deviations: 0.001}",
                "stages.stage1.optimizer.learningRate=1e-6");
        Steps steps = new Steps(stage)) {
      GuardedStep.Done noted = null;
      for (int i = 0; i < 6 && noted == null; i++) {
        GuardedStep.Done done = steps.make(false);
        noted = done.event() == null ? null : done;
      }
      GuardedStep.Done found = Objects.requireNonNull(noted, "no loss above the median");
      assertEquals(GuardEvent.Action.NOTE, event(found).action());
      assertTrue(found.outcome().updated());
      assertEquals(steps.state.examples() / 4, steps.state.updates());
      assertEquals(3, steps.state.guard().losses().size());
      assertEquals(1, steps.state.guard().capsules());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{nonFinite: stop}", "{nonFinite: skip, maxSkips: 0}"})
  void aStepThatEndsTheRunNamesItselfItsExamplesAndItsCapsule(String guard) {
    try (TinyStage stage = TinyStage.open(run, "stages.stage1.guard=" + guard);
        Steps steps = new Steps(stage)) {
      steps.make(false);
      Map<String, Integer> before = hashes(steps.state.parameters());
      DivergenceException stopped = assertThrows(DivergenceException.class, () -> steps.make(true));
      String message = String.valueOf(stopped.getMessage());
      assertTrue(
          message.startsWith("stage stage1, step 2, mixture positions 4 to 5 (caption/"), message);
      assertTrue(message.contains("the loss is NaN"), message);
      assertTrue(
          message.endsWith(
              "palimpsest replay "
                  + run.toAbsolutePath().resolve("stage1/capsules/examples-000000000004")),
          message);
      assertEquals(before, hashes(steps.state.parameters()));
      assertEquals(4, steps.state.examples());
    }
  }

  /** The model, which writes down when it computes and when its losses are read. */
  private static VisionLanguageModel watched(VisionLanguageModel model, List<String> events) {
    return (VisionLanguageModel)
        Proxy.newProxyInstance(
            GuardedStepTest.class.getClassLoader(),
            new Class<?>[] {VisionLanguageModel.class},
            (proxy, method, arguments) -> {
              Object result = method.invoke(model, arguments);
              if (!(result instanceof UnreadLoss loss)) {
                return result;
              }
              events.add("computed");
              UnreadLoss watched =
                  () -> {
                    events.add("read");
                    return loss.read();
                  };
              return watched;
            });
  }

  /** A GPU would have nothing to do while a loss is read. */
  @Test
  void lossesAreReadAfterTheLastMicroBatch() {
    List<String> events = new ArrayList<>();
    try (TinyStage stage = TinyStage.open(run);
        Steps steps = new Steps(stage, watched(stage.model(), events))) {
      GuardedStep.Done done = steps.make(false);
      assertEquals(List.of("computed", "computed", "read", "read"), events);
      assertTrue(Double.isFinite(done.outcome().loss()));
    }
  }
}
