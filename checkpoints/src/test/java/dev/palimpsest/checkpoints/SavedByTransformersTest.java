package dev.palimpsest.checkpoints;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init.ConnectorInit;
import dev.palimpsest.configs.Init.FromPretrained;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.Durable;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One tiny PaliGemma, written by transformers 5.24 and 4.57 in the ways in which people save:
 * whole, without its output table, by towers, under torch.compile, in shards. The logits are
 * transformers 5.24's in float64.
 */
@NullUnmarked
class SavedByTransformersTest {
  /** Of 4.8 at most; what float32 leaves of two layers. */
  private static final float TOLERANCE = 2.4e-6f;

  private static final Path FOLDERS = Golden.path("hf");

  @TempDir Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @CsvSource({
    "saved_by_4, logits",
    "saved_by_5, logits",
    "saved_by_5_native, logits",
    "model_alone, logits",
    "compiled, logits",
    "wrapped, logits",
    "lm_head_alone, logits",
    "untied_sharded_bf16, logits_bf16"
  })
  void everyFolderComputesTheReferencesLogits(String name, String logits) {
    Path path = FOLDERS.resolve(name);
    ModelConfig model = HuggingFaceConfig.read(path).model();
    assertEquals(128, model.language().vocabulary());
    try (SafetensorsFile reference = reference()) {
      assertArrayEquals(
          reference.floats(logits), logits(model, imported(path, model), reference), TOLERANCE);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 5})
  void bareTowersMakeTheSameModel(int release) {
    Path whole = FOLDERS.resolve("saved_by_5");
    ModelConfig model = HuggingFaceConfig.read(whole).model();
    Parameters expected = imported(whole, model);
    Parameters towers =
        PretrainedImporter.read(
                manager,
                new FromPretrained(
                    FOLDERS.resolve("vision_by_" + release).toString(),
                    FOLDERS.resolve("language_by_" + release).toString(),
                    null,
                    ConnectorInit.ZERO),
                model,
                8,
                1)
            .parameters();
    for (String name : expected.names()) {
      if (!name.startsWith("connector/")) {
        assertArrayEquals(expected.get(name).toFloatArray(), towers.get(name).toFloatArray(), name);
      }
    }
  }

  @Test
  void whereNothingFitsOneLineSaysWhatWasFoundAndWhatIsExpected() throws IOException {
    Path other = renamed(name -> "backbone." + name.replace("model.", "net."));
    var e =
        assertThrows(
            InvalidConfigException.class,
            () -> imported(other, HuggingFaceConfig.read(FOLDERS.resolve("saved_by_5")).model()));
    assertEquals(1, e.problems().size(), e.getMessage());
    assertTrue(
        e.getMessage()
            .contains("begin with 'backbone.net.language_net.', 'backbone.net.vision_tower.';"),
        e.getMessage());
    assertTrue(
        e.getMessage().contains("expected vision_tower.vision_model.embeddings.patch_embedding"),
        e.getMessage());
  }

  @Test
  void anotherDepthIsOneLineATower() {
    ModelConfig model = HuggingFaceConfig.read(FOLDERS.resolve("saved_by_5")).model();
    var e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                imported(
                    FOLDERS.resolve("compiled"),
                    new ModelConfig(new VisionConfig(16, 27, 32, 2, 4, 1e-6), model.language())));
    assertEquals(1, e.problems().size(), e.getMessage());
    assertTrue(
        e.getMessage()
            .contains("has 2 blocks named model.vision_tower.encoder.layers, the model has 27"),
        e.getMessage());
  }

  @Test
  void anUnmergedAdapterIsToBeMerged() throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("adapter"));
    Files.writeString(adapter.resolve("adapter_config.json"), "{\"peft_type\": \"LORA\"}");
    for (Runnable read :
        List.<Runnable>of(
            () -> HuggingFaceConfig.read(adapter), () -> TensorSource.open(adapter).close())) {
      var e = assertThrows(CheckpointFormatException.class, read::run);
      assertTrue(e.getMessage().contains("merge it into its base model"), e.getMessage());
    }
    Path within = renamed(name -> "base_model.model." + name.replace(".weight", ".lora_A.weight"));
    var e =
        assertThrows(
            InvalidConfigException.class,
            () -> imported(within, HuggingFaceConfig.read(FOLDERS.resolve("saved_by_5")).model()));
    assertEquals(1, e.problems().size(), e.getMessage());
    assertTrue(e.getMessage().contains("merge it into its base model"), e.getMessage());
  }

  /** 128 rows, of which a tokenizer of {@code ids} ids and perhaps an added token use some. */
  @ParameterizedTest
  @CsvSource({
    "100, -1, 100", // <image> is 100 and no row is trained for it
    "100, 101, 102",
    "100, 127, 128",
  })
  void rowsUpToTheTokenizersLastTokenAreTrained(int ids, int added, int rows) throws IOException {
    HuggingFaceConfig config = HuggingFaceConfig.read(withTokenizer(ids, added));
    assertEquals(rows, config.model().language().vocabulary());
    float[] expected =
        imported(
                FOLDERS.resolve("saved_by_5"),
                HuggingFaceConfig.read(FOLDERS.resolve("saved_by_5")).model())
            .get("language/embedding")
            .toFloatArray();
    float[] table = imported(folder, config.model()).get("language/embedding").toFloatArray();
    assertArrayEquals(Arrays.copyOf(expected, rows * 16), table);
  }

  @Test
  void aTokenWithoutARowIsRefused() throws IOException {
    Path path = withTokenizer(100, 128);
    var e = assertThrows(InvalidConfigException.class, () -> HuggingFaceConfig.read(path));
    assertTrue(
        e.getMessage().contains("tokens up to 128 ('<thing>'), the embedding only 128 rows"),
        e.getMessage());
  }

  @Test
  void anotherModelsTokenizerIsRefused() throws IOException {
    Path path = withTokenizer(60, -1);
    var e = assertThrows(InvalidConfigException.class, () -> HuggingFaceConfig.read(path));
    assertTrue(e.getMessage().contains("<image> at 60"), e.getMessage());
  }

  @Test
  void trainedRowsAreNotCutSilently() throws IOException {
    Path path = withTokenizer(100, 101);
    ModelConfig model = HuggingFaceConfig.read(path).model().withVocabulary(100);
    var e = assertThrows(InvalidConfigException.class, () -> imported(path, model));
    assertTrue(e.getMessage().contains("102 of the embedding's rows are trained"), e.getMessage());
  }

  /** A copy with a tokenizer.json of so many pieces, {@code <image>} after them. */
  private Path withTokenizer(int ids, int added) throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(FOLDERS.resolve("saved_by_5").resolve(file), folder.resolve(file));
    }
    StringBuilder json =
        new StringBuilder("{\"added_tokens\":[{\"id\":" + ids + ",\"content\":\"<image>\"}],");
    json.append("\"model\":{\"vocab\":{\"t0\":0");
    for (int i = 1; i < ids; i++) {
      json.append(",\"t").append(i).append("\":").append(i);
    }
    Files.writeString(folder.resolve("tokenizer.json"), json + "}}}");
    if (added >= 0) {
      Files.writeString(
          folder.resolve("added_tokens.json"),
          "{\"<image>\":" + ids + ",\"<thing>\":" + added + "}");
    }
    return folder;
  }

  private Path renamed(UnaryOperator<String> names) {
    List<Tensor> tensors = new ArrayList<>();
    try (SafetensorsFile file =
        SafetensorsFile.open(FOLDERS.resolve("saved_by_5_native").resolve("model.safetensors"))) {
      for (String name : file.names()) {
        tensors.add(Tensor.of(names.apply(name), file.toArray(manager, name), ElementType.F32));
      }
      Path target = folder.resolve("renamed.safetensors");
      Durable.file(target, channel -> SafetensorsWriter.write(channel, tensors));
      return target;
    }
  }

  private static SafetensorsFile reference() {
    return SafetensorsFile.open(FOLDERS.resolve("reference.safetensors"));
  }

  private Parameters imported(Path path, ModelConfig model) {
    return PretrainedImporter.read(
            manager,
            new FromPretrained(null, null, path.toString(), ConnectorInit.ZERO),
            model,
            8,
            1)
        .parameters();
  }

  private float[] logits(ModelConfig model, Parameters parameters, SafetensorsFile reference) {
    try (Kernels kernels = Kernels.load()) {
      NDArray pictures = reference.toArray(manager, "pixel_values").expandDims(1);
      return Models.of(model, Precision.F32, kernels)
          .logits(
              manager,
              Weights.of(parameters),
              new ModelInput(
                  pictures,
                  reference.toArray(manager, "text"),
                  reference.toArray(manager, "mask_ar")),
              Trace.NONE)
          .toFloatArray();
    }
  }
}
