package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.AdafactorConfig;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ParameterGroupConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.mixtures.Exclusions;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import dev.palimpsest.stages.step.TrainStep;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text, single pictures and pairs in one mixture, whole, in parts and packed. */
class MixedBatchTest {
  static final int SIDE = 8;
  static final int TEXT = 24;
  static final int BATCH = 12;
  static final ModelConfig MODEL =
      new ModelConfig(
          new VisionConfig(16, 2, 32, 2, 4, 1e-6),
          new LanguageConfig(320, 24, 2, 48, 2, 1, 12, 12, 50, 30, true, 5, 1e4, 1e-6));
  static final OptimizerConfig OPTIMIZER =
      new OptimizerConfig(
          1e-3,
          0.9,
          0.999,
          1e-8,
          1,
          0,
          ".*",
          new ScheduleConfig.Constant(0, 0),
          Map.of(),
          null,
          null);

  @TempDir Path folder;

  private static StageConfig stage(int microBatch) {
    return stage(microBatch, Map.of("caption", 2.0, "compare", 1.0, "text", 2.0));
  }

  private static StageConfig stage(int microBatch, Map<String, Double> mixture) {
    return BareStage.of(
        "stage", BATCH, SIDE, TEXT, BATCH, microBatch, Precision.F32, mixture, OPTIMIZER);
  }

  @Test
  void neitherPartsNorPackingChangeAStep() throws IOException {
    Map<String, TaskConfig> tasks = new TreeMap<>();
    tasks.put("caption", task("caption", 5, "a.png"));
    tasks.put("compare", task("compare", 3, "a.png", "b.png"));
    tasks.put("text", task("text", 4));
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load();
        Mixture mixture =
            Mixture.open(3, "stage", tasks, stage(BATCH), Exclusions.NONE, new Characters())) {
      TrainStep.Outcome whole = step(manager, kernels, mixture, BATCH, 0);
      assertTrue(Double.isFinite(whole.gradientNorm()) && whole.gradientNorm() > 0);
      // Sums of the same float32 numbers in another order.
      for (int microBatch : new int[] {6, 4, 1}) {
        assertAlike(whole, step(manager, kernels, mixture, microBatch, 0));
      }
      for (int microBatch : new int[] {12, 4}) {
        assertAlike(whole, step(manager, kernels, mixture, microBatch, 60));
        assertAlike(whole, step(manager, kernels, mixture, microBatch, 1));
      }
    }
  }

  /** Parameters and moments on disk, gradients in memory that is kept from step to step. */
  @Test
  void whereArraysAreDoesNotChangeABit() throws IOException {
    Map<String, TaskConfig> tasks = Map.of("caption", task("caption", 5, "a.png"));
    StageConfig stage = stage(4, Map.of("caption", 1.0));
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load();
        Mixture mixture =
            Mixture.open(3, "stage", tasks, stage, Exclusions.NONE, new Characters())) {
      StorageConfig disk =
          new StorageConfig(
              StorageConfig.Storage.DISK,
              StorageConfig.Gradients.MEMORY,
              StorageConfig.Storage.DISK,
              2e-5);
      Map<String, float[]> expected =
          afterThreeSteps(manager, kernels, mixture, stage, OPTIMIZER, Storage.IN_MEMORY);
      Map<String, float[]> streamed =
          afterThreeSteps(manager, kernels, mixture, stage, OPTIMIZER, new Storage(disk, folder));
      expected.forEach((name, values) -> assertArrayEquals(values, streamed.get(name), name));
    }
  }

  /**
   * Gradients that are kept or computed twice: pictures and text in one micro batch, a text alone
   * whose image tower has no gradients, both optimizers, clipped and not, frozen parts, parameters
   * in memory and streamed.
   */
  @ParameterizedTest
  @CsvSource({
    "1e-3, false, MEMORY",
    "1e-3, true, DISK",
    "0, true, MEMORY",
    "0, false, DISK",
  })
  void recomputedGradientsChangeNoBit(
      double clipNorm, boolean adafactor, StorageConfig.Storage parameters) throws IOException {
    Map<String, TaskConfig> tasks =
        Map.of("caption", task("caption", 5, "a.png"), "text", task("text", 5));
    OptimizerConfig optimizer =
        new OptimizerConfig(
            1e-3,
            0.9,
            0.999,
            1e-8,
            clipNorm,
            1e-2,
            ".*/kernel|.*/w",
            new ScheduleConfig.Constant(0, 0),
            Map.of(
                "first", new ParameterGroupConfig("language/blocks/0/.*", 1, null, true),
                "vision", new ParameterGroupConfig(null, 0.1, null, false)),
            null,
            adafactor ? new AdafactorConfig(0.8, 0.999, 0, 8) : null);
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load()) {
      for (Map<String, Double> weights :
          List.of(Map.of("caption", 1.0, "text", 1.0), Map.of("text", 1.0))) {
        StageConfig stage =
            BareStage.of(
                "stage", BATCH, SIDE, TEXT, BATCH, BATCH, Precision.F32, weights, optimizer);
        try (Mixture mixture =
            Mixture.open(3, "stage", tasks, stage, Exclusions.NONE, new Characters())) {
          Map<String, float[]> kept =
              afterThreeSteps(manager, kernels, mixture, stage, optimizer, Storage.IN_MEMORY);
          StorageConfig twice =
              new StorageConfig(parameters, StorageConfig.Gradients.RECOMPUTED, parameters, 2e-5);
          Map<String, float[]> recomputed =
              afterThreeSteps(
                  manager, kernels, mixture, stage, optimizer, new Storage(twice, folder));
          assertEquals(kept.keySet(), recomputed.keySet());
          kept.forEach((name, values) -> assertArrayEquals(values, recomputed.get(name), name));
        }
      }
    }
  }

  @Test
  void aStepThatIsRefusedAfterItsFirstPassChangesNothing() throws IOException {
    Map<String, TaskConfig> tasks = Map.of("caption", task("caption", 5, "a.png"));
    StageConfig stage = stage(BATCH, Map.of("caption", 1.0));
    Storage twice =
        new Storage(
            new StorageConfig(
                StorageConfig.Storage.MEMORY,
                StorageConfig.Gradients.RECOMPUTED,
                StorageConfig.Storage.MEMORY,
                0),
            folder);
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load();
        Mixture mixture =
            Mixture.open(3, "stage", tasks, stage, Exclusions.NONE, new Characters());
        Mixture.BatchStream batches = mixture.batches(0, BATCH, BATCH, 2)) {
      Parameters parameters = Initialization.random(manager, MODEL, SIDE, 1);
      ParameterGroups groups = ParameterGroups.of(OPTIMIZER, parameters.names(), BATCH);
      Optimizer optimizer = Optimizer.of(OPTIMIZER, groups, kernels);
      TrainStep step =
          new TrainStep(Models.of(MODEL, Precision.F32, kernels), stage, optimizer, twice, 0);
      TrainState state =
          optimizer.prepared(
              manager, new TrainState(parameters, Map.of(), 0, 0, 0, "stage", 0), twice);
      Map<String, float[]> before = values(state.parameters());
      Packing packing = new Packing(0, MODEL.vision().imageTokens(SIDE));
      TrainStep.Outcome outcome =
          step.run(
              manager,
              state,
              micro -> MicroBatch.upload(micro, batches.next(), packing),
              attempt -> false);
      assertFalse(outcome.updated());
      assertTrue(outcome.gradientNorm() > 0);
      assertTrue(Double.isNaN(outcome.parameterNorm()));
      values(state.parameters())
          .forEach((name, values) -> assertArrayEquals(before.get(name), values, name));
    }
  }

  private static Map<String, float[]> values(Parameters parameters) {
    Map<String, float[]> values = new TreeMap<>();
    parameters.asMap().forEach((name, array) -> values.put(name, array.toFloatArray()));
    return values;
  }

  private static Map<String, float[]> afterThreeSteps(
      NDManager parent,
      Kernels kernels,
      Mixture mixture,
      StageConfig stage,
      OptimizerConfig settings,
      Storage storage) {
    Map<String, float[]> values = new TreeMap<>();
    try (NDManager manager = parent.newSubManager();
        Mixture.BatchStream batches = mixture.batches(0, BATCH, stage.microBatchSize(), 2)) {
      Parameters parameters = Initialization.random(manager, MODEL, SIDE, 1);
      ParameterGroups groups = ParameterGroups.of(settings, parameters.names(), BATCH);
      Optimizer optimizer = Optimizer.of(settings, groups, kernels);
      VisionLanguageModel model = Models.of(MODEL, Precision.F32, kernels);
      TrainStep step = new TrainStep(model, stage, optimizer, storage, 0);
      TrainState state =
          optimizer.prepared(
              manager, new TrainState(parameters, Map.of(), 0, 0, 0, "stage", 0), storage);
      assertEquals(storage.config().usesDisk(), state.isStreamed());
      Packing packing = new Packing(0, MODEL.vision().imageTokens(SIDE));
      for (int i = 0; i < 3; i++) {
        TrainStep.Outcome outcome =
            step.run(manager, state, micro -> MicroBatch.upload(micro, batches.next(), packing));
        values.put("loss and norms of step " + i, numbers(outcome));
        outcome
            .gradientNorms()
            .byGroup()
            .forEach(
                (group, norm) -> values.put("norm of " + group, new float[] {norm.floatValue()}));
        assertEquals(storage.keepsGradients() ? state.parameters().bytes() : 0, step.keptBytes());
        if (i == 1) {
          step.rest();
          assertEquals(0, step.keptBytes());
        }
        state = state.after(BATCH, state.guard());
      }
      values.putAll(values(state.parameters()));
      state
          .moments()
          .forEach(
              (kind, moments) ->
                  values(moments)
                      .forEach((name, array) -> values.put(kind + " of " + name, array)));
    }
    return values;
  }

  private static float[] numbers(TrainStep.Outcome outcome) {
    return new float[] {
      (float) outcome.loss(),
      (float) outcome.gradientNorm(),
      (float) outcome.updateNorm(),
      (float) outcome.parameterNorm()
    };
  }

  /** A token a character. */
  private static final class Characters implements Tokenizer {
    @Override
    public int[] encode(String text) {
      return text.chars().map(c -> 3 + c).toArray();
    }

    @Override
    public String decode(int[] ids) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int vocabularySize() {
      return MODEL.language().vocabulary();
    }
  }

  private static void assertAlike(TrainStep.Outcome expected, TrainStep.Outcome actual) {
    assertEquals(expected.loss(), actual.loss(), 1e-5 * expected.loss());
    assertEquals(expected.gradientNorm(), actual.gradientNorm(), 1e-5 * expected.gradientNorm());
    assertEquals(expected.meanSupervisedTokens(), actual.meanSupervisedTokens());
    assertEquals(expected.maxSupervisedTokens(), actual.maxSupervisedTokens());
  }

  private static TrainStep.Outcome step(
      NDManager parent, Kernels kernels, Mixture mixture, int microBatch, int packTo) {
    try (NDManager manager = parent.newSubManager();
        Mixture.BatchStream batches = mixture.batches(5 * BATCH, BATCH, microBatch, 2)) {
      Parameters parameters = Initialization.random(manager, MODEL, SIDE, 1);
      ParameterGroups groups = ParameterGroups.of(OPTIMIZER, parameters.names(), BATCH);
      Optimizer optimizer = Optimizer.of(OPTIMIZER, groups, kernels);
      TrainStep step =
          new TrainStep(
              Models.of(MODEL, Precision.F32, kernels),
              stage(microBatch),
              optimizer,
              Storage.IN_MEMORY,
              0);
      TrainState state =
          optimizer.prepared(
              manager,
              new TrainState(parameters, Map.of(), 0, 0, 0, "stage", 0),
              Storage.IN_MEMORY);
      Packing packing = new Packing(packTo, MODEL.vision().imageTokens(SIDE));
      return step.run(manager, state, micro -> MicroBatch.upload(micro, batches.next(), packing));
    }
  }

  private TaskConfig task(String name, int examples, String... images) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < examples; i++) {
      List<String> files = new ArrayList<>();
      for (String image : images) {
        Path file = folder.resolve(name + i + image);
        BufferedImage picture = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        for (int p = 0; p < SIDE * SIDE; p++) {
          picture.setRGB(p % SIDE, p / SIDE, file.getFileName().hashCode() * (p + 7));
        }
        ImageIO.write(picture, "png", file.toFile());
        files.add('"' + file.toString().replace('\\', '/') + '"');
      }
      lines.add(
          "{\"image\": %s, \"prefix\": \"%s\", \"suffix\": \"%s\"}"
              .formatted(files, name, "a".repeat(i + 1)));
    }
    Path file = folder.resolve(name + ".jsonl");
    Files.write(file, lines);
    return new TaskConfig(new SourceConfig.JsonLines(file.toString(), null));
  }
}
