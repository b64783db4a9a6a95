package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init.ConnectorInit;
import dev.palimpsest.configs.Init.FromPretrained;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.Durable;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.BlockSpec.Parameter;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ImageTower;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.ModelInput;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A new image tower takes a file like {@link ToyTower}, its kernels (here {@code toy.py}) and its
 * tables of names ({@code toy.big-vision.names}, {@code toy.hugging-face.names}). Everything else
 * walks its blocks: it is drawn, trained, decoded with, exported and imported.
 */
class ToyTowerTest {
  private static final int RESOLUTION = 8;
  private static final LanguageConfig LANGUAGE =
      new LanguageConfig(32, 12, 2, 24, 2, 1, 6, 6, 0, 0, false, 0, 1e4, 1e-6);
  private static final Architecture MODEL =
      new Architecture(new ToyTower(LANGUAGE.width()), LANGUAGE);

  private static final double RATE = 0.3;

  @TempDir private Path folder;

  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  /** The mean colour of each square of 4 x 4 pixels, through one matrix, then scaled. */
  private record ToyTower(int width) implements ImageTower {
    private static final int SIDE = 4;

    @Override
    public String kernels() {
      return "toy.py";
    }

    @Override
    public String names() {
      return "toy";
    }

    @Override
    public int depth() {
      return 0;
    }

    @Override
    public Map<String, Integer> axes() {
      return Map.of();
    }

    @Override
    public int imageTokens(int resolution) {
      return resolution / SIDE * (resolution / SIDE);
    }

    @Override
    public List<BlockSpec> specs(int resolution) {
      Shape kernel = new Shape(width, 3);
      return List.of(
          new BlockSpec(
              "toy",
              "toy_squares",
              List.of(
                  new Parameter("kernel", kernel, Init.xavier(kernel)),
                  new Parameter("bias", new Shape(width), Init.ZEROS)),
              List.of(SIDE)),
          new BlockSpec(
              "toy/last",
              "toy_scale",
              List.of(new Parameter("scale", new Shape(width), Init.ONES)),
              List.of()));
    }

    @Override
    public List<Block> blocks(long groups, long pictures, int resolution, Precision precision) {
      List<BlockSpec> specs = specs(resolution);
      return List.of(
          new Block("toy.squares", specs.get(0), List.of(Kernels.dtype(precision)), 1_000),
          new Block("projected", specs.get(1), List.of(groups), 1_000));
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void aTowerIsDrawnTrainedAndDecodedWith(Precision precision) {
    Map<String, Shape> shapes = ParameterSpecs.of(MODEL, RESOLUTION);
    assertEquals(
        List.of("toy/kernel", "toy/bias", "toy/last/scale", "language/embedding"),
        List.copyOf(shapes.keySet()).subList(0, 4));
    Parameters parameters = Initialization.random(manager, MODEL, RESOLUTION, 1);
    assertArrayEquals(new float[12], parameters.get("toy/bias").toFloatArray());
    try (Kernels kernels = Kernels.load()) {
      VisionLanguageModel model = Models.of(MODEL, precision, kernels, 1L << 20);
      TrainingInput batch = batch();
      double first = model.loss(Weights.of(parameters), batch, LossOptions.PLAIN).mean();
      for (int step = 0; step < 40; step++) {
        try (Parameters gradients = Parameters.zeros(manager, shapes)) {
          Weights weights = Weights.training(parameters, name -> true, gradients);
          model.accumulateGradients(weights, batch, LossOptions.PLAIN);
          parameters.asMap().forEach((name, array) -> array.subi(gradients.get(name).mul(RATE)));
          if (step == 0) {
            for (String name : shapes.keySet()) {
              assertTrue(gradients.get(name).abs().max().getFloat() > 0, name);
            }
          }
        }
      }
      Weights trained = Weights.of(parameters);
      double last = model.loss(trained, batch, LossOptions.PLAIN).mean();
      assertTrue(last < first / 3, first + " to " + last);

      // The two pictures differ in colour, the prompts do not: the answers come from the tower.
      NDArray tokens = model.encodeImages(manager, trained, batch.input().images());
      NDArray prompt = manager.create(new long[] {2, 2}, new Shape(2, 1));
      try (KeyValueCache cache =
          model.prefill(manager, trained, tokens, prompt, new int[] {1, 1}, 1)) {
        assertArrayEquals(new long[] {7, 9}, cache.logits().argMax(1).toLongArray());
      }
    }
  }

  @Test
  void aTowerIsExportedAndImportedInBothLayouts() {
    Parameters parameters = Initialization.random(manager, MODEL, RESOLUTION, 1);
    ParameterValues values = ParameterValues.of(parameters);
    Path npz = folder.resolve("toy.npz");
    List<Tensor> bigVision = ModelExporter.bigVisionTensors(values, MODEL, Precision.F32);
    Durable.file(npz, channel -> NpzWriter.write(channel, bigVision));
    Path huggingFace = folder.resolve("toy");
    List<Tensor> tensors =
        ModelExporter.huggingFaceTensors(values, MODEL, Precision.F32, LANGUAGE.vocabulary());
    Durable.folder(
        huggingFace, target -> SafetensorsWriter.writeFolder(target, tensors, Long.MAX_VALUE));

    // The matrix is transposed in big_vision's layout and not in the other.
    try (TensorSource source = TensorSource.open(npz)) {
      assertEquals(new Shape(3, 12), source.shape("params/img/squares/kernel"));
    }
    try (TensorSource source = TensorSource.open(huggingFace)) {
      assertEquals(new Shape(12, 3), source.shape("vision_tower.vision_model.squares.weight"));
    }
    for (Path path : List.of(npz, huggingFace)) {
      FromPretrained source = new FromPretrained(null, null, path.toString(), ConnectorInit.ZERO);
      try (PretrainedImporter importer =
          PretrainedImporter.open(source, MODEL, null, RESOLUTION, 1)) {
        List<String> names = importer.tensors().stream().map(t -> t.info().name()).toList();
        assertEquals(List.copyOf(parameters.names()), names);
        for (Tensor tensor : importer.tensors()) {
          String name = tensor.info().name();
          assertArrayEquals(
              parameters.get(name).toFloatArray(), tensor.toArray(manager).toFloatArray(), name);
        }
      }
    }
  }

  /** Two pictures of one colour each; the answer names the colour. */
  private TrainingInput batch() {
    float[] pixels = new float[2 * RESOLUTION * RESOLUTION * 3];
    for (int i = 0; i < pixels.length; i++) {
      int channel = i % 3;
      pixels[i] = i < pixels.length / 2 ? (channel == 0 ? 1 : -1) : channel == 2 ? 1 : -1;
    }
    NDArray images = manager.create(pixels, new Shape(2, 1, RESOLUTION, RESOLUTION, 3));
    Shape text = new Shape(2, 2);
    return new TrainingInput(
        new ModelInput(
            images,
            manager.create(new long[] {2, 7, 2, 9}, text),
            manager.create(new long[] {0, 1, 0, 1}, text)),
        manager.create(new long[] {7, 1, 9, 1}, text),
        manager.create(new float[] {1, 1, 1, 1}, text));
  }
}
