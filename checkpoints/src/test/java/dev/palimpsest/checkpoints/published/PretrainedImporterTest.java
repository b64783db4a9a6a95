package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.published.PretrainedImporter.Imported;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.NpzFile;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.Init.ConnectorInit;
import dev.palimpsest.configs.Init.FromPretrained;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.Durable;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked
class PretrainedImporterTest {
  @TempDir Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  /** Multi-head, multi-query in both half formats, and Gemma 2 with grouped queries. */
  @ParameterizedTest
  @CsvSource({"case1, case1", "case2.bf16, case2", "case2.f16, case2", "case3, case3"})
  void bigVisionArraysBecomeTheReferencesMatrices(String name, String config) {
    HuggingFaceConfig hf = HuggingFaceConfig.read(Golden.path(config + ".config.json"));
    Imported imported = importModel(Golden.path(name + ".npz"), hf.model(), hf.resolution());
    assertEquals(Golden.hashes(name + ".sha256"), hashes(imported.parameters(), hf.model()));
    assertEquals(List.of(), imported.notes());
  }

  @ParameterizedTest
  @CsvSource({"siglip.npz", "siglip_scan.npz", "siglip_hf"})
  void towersOfEveryFormBecomeTheSameModel(String vision) {
    HuggingFaceConfig target = target();
    Imported imported = importTowers(vision, target.model(), 28, ConnectorInit.ZERO, 1);
    Map<String, String> actual = hashes(imported.parameters(), target.model());
    Map<String, String> expected = Golden.hashes("case6/expected.sha256");
    String embedding = "language_model.model.embed_tokens.weight"; // golden: imported rows only
    float[] rows = imported.parameters().get("language/embedding").toFloatArray();
    assertEquals(
        expected.get(embedding), Golden.hash(new long[] {240, 40}, Arrays.copyOf(rows, 240 * 40)));
    actual.put(embedding, expected.get(embedding));
    assertEquals(expected, actual);
    assertTrue(imported.notes().get(0).contains("dropped what this model does not have"));
  }

  /** Drawn rows, a drawn connector and resampled positions among them. */
  @ParameterizedTest
  @CsvSource({"siglip.npz", "siglip_hf"})
  void whatIsWrittenAsAStreamIsWhatIsReadIntoMemory(String vision) {
    ModelConfig model = target().model().withVocabulary(300);
    var source = towers(vision, ConnectorInit.NORMAL);
    Parameters inMemory = importTowers(vision, model, 56, ConnectorInit.NORMAL, 3).parameters();
    try (PretrainedImporter importer = PretrainedImporter.open(source, model, 56, 3)) {
      for (String file : List.of("first.safetensors", "again.safetensors")) {
        Path target = folder.resolve(file);
        Durable.file(target, channel -> SafetensorsWriter.write(channel, importer.tensors()));
        try (SafetensorsFile written = SafetensorsFile.open(target)) {
          assertEquals(List.copyOf(inMemory.names()), List.copyOf(written.names()));
          inMemory
              .asMap()
              .forEach(
                  (name, array) ->
                      assertArrayEquals(array.toFloatArray(), written.floats(name), 0, name));
        }
      }
    }
  }

  @Test
  void parametersComeInTheModelsOrderAndShape() {
    HuggingFaceConfig target = target();
    Parameters parameters =
        importTowers("siglip_hf", target.model(), 56, ConnectorInit.ZERO, 1).parameters();
    Map<String, Shape> specs = ParameterSpecs.of(target.model(), 56);
    assertEquals(List.copyOf(specs.keySet()), List.copyOf(parameters.names()));
    specs.forEach((name, shape) -> assertEquals(shape, parameters.get(name).getShape(), name));
  }

  @Test
  void droppedTensorsAreNamed() {
    List<String> notes =
        importTowers("siglip.npz", target().model(), 28, ConnectorInit.ZERO, 1).notes();
    assertTrue(notes.get(0).endsWith("b, img/MAPHead_0/* (15), t, txt/* (22)"), notes.get(0));
    notes = importTowers("siglip_hf", target().model(), 28, ConnectorInit.ZERO, 1).notes();
    assertTrue(
        notes
            .get(0)
            .endsWith("logit_bias, logit_scale, text_model.* (22), vision_model.head.* (11)"),
        notes.get(0));
  }

  @Test
  void newRowsAreNormalAndFollowTheSeed() {
    ModelConfig wide = target().model().withVocabulary(4240);
    float[] first = newRows(wide, 1);
    assertArrayEquals(first, newRows(wide, 1));
    assertNotEquals(first[0], newRows(wide, 2)[0]);
    // 160,000 draws: the mean's standard error is 0.02/400, the deviation's 0.02/566
    double mean = 0;
    double square = 0;
    for (float x : first) {
      mean += x / (double) first.length;
      square += (double) x * x / first.length;
    }
    assertEquals(0, mean, 4 * 0.02 / 400);
    assertEquals(0.02, Math.sqrt(square), 4 * 0.02 / 566);
  }

  private float[] newRows(ModelConfig model, long seed) {
    float[] rows =
        importTowers("siglip_hf", model, 28, ConnectorInit.ZERO, seed)
            .parameters()
            .get("language/embedding")
            .toFloatArray();
    return Arrays.copyOfRange(rows, 240 * 40, rows.length);
  }

  @ParameterizedTest
  @EnumSource(ConnectorInit.class)
  void theConnectorStartsAsAsked(ConnectorInit init) {
    Parameters parameters = importTowers("siglip_hf", target().model(), 28, init, 5).parameters();
    assertEquals(0, parameters.get("connector/bias").abs().sum().getFloat());
    float[] kernel = parameters.get("connector/kernel").toFloatArray();
    double square = 0;
    for (float x : kernel) {
      square += (double) x * x / kernel.length;
    }
    // variance 1/32 over 1280 draws: relative standard error sqrt(2/1280) = 4 %
    assertEquals(init == ConnectorInit.ZERO ? 0 : 1 / 32.0, square, 0.16 / 32);
  }

  @Test
  void positionEmbeddingsAreResampledToTheResolution() {
    Imported imported = importTowers("siglip_hf", target().model(), 56, ConnectorInit.ZERO, 1);
    float[] grid = imported.parameters().get("vision/position_embedding").toFloatArray();
    try (SafetensorsFile file = SafetensorsFile.open(Golden.path("case6/siglip_hf"))) {
      float[] small = file.floats("vision_model.embeddings.position_embedding.weight");
      assertArrayEquals(Arrays.copyOf(small, 32), Arrays.copyOf(grid, 32)); // corners stay
      for (int c = 0; c < 32; c++) { // second token of the first row: a third of the way
        assertEquals(small[c] * 2 / 3 + small[32 + c] / 3, grid[32 + c], 1e-6);
      }
    }
    assertTrue(
        imported.notes().stream().anyMatch(n -> n.contains("from 4 to 16 tokens")),
        imported.notes().toString());
  }

  @Test
  void paddingRowsAreCutAndNoted() {
    HuggingFaceConfig target = target();
    Imported cut =
        importTowers("siglip_hf", target.model().withVocabulary(200), 28, ConnectorInit.ZERO, 1);
    assertEquals(new Shape(200, 40), cut.parameters().get("language/embedding").getShape());
    assertTrue(cut.notes().stream().anyMatch(n -> n.contains("from 240 to 200 rows")));
    var e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                importTowers(
                    "siglip_hf", target.model().withVocabulary(100), 28, ConnectorInit.ZERO, 1));
    assertTrue(e.getMessage().contains("up to 128 more that are padding"), e.getMessage());
  }

  @Test
  void everyMismatchIsListed() {
    HuggingFaceConfig hf = HuggingFaceConfig.read(Golden.path("case3.config.json"));
    ModelConfig gemma1 = HuggingFaceConfig.read(Golden.path("case1.config.json")).model();
    var e =
        assertThrows(
            InvalidConfigException.class,
            () -> importModel(Golden.path("case3.npz"), gemma1, hf.resolution()));
    String all = e.getMessage();
    assertTrue(
        all.contains("params/llm/layers/attn/qkv_einsum/w is missing; expected (2, 3, 4, 40, 16)"),
        all);
    assertTrue(
        all.contains("params/llm/layers/mlp/linear has F32 (4, 112, 48), expected (2, 96, 40)"),
        all);
    assertTrue(all.contains("params/llm/layers/post_ffw_norm/scale F32 (4, 48) is not part"), all);
    assertTrue(all.contains("params/llm/layers/attn/kv_einsum/w F32"), all);
    assertTrue(e.problems().size() > 10);
  }

  @Test
  void headCountsThatShapesDoNotShowAreCompared() throws IOException {
    copy("case6/gemma_hf");
    Path config = folder.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 2")
            .replace("\"head_dim\": 12", "\"head_dim\": 24"));
    var source =
        new FromPretrained(
            Golden.path("case6/siglip_hf").toString(), folder.toString(), null, ConnectorInit.ZERO);
    var e =
        assertThrows(
            InvalidConfigException.class,
            () -> PretrainedImporter.read(manager, source, target().model(), 28, 1));
    assertTrue(
        e.getMessage()
            .contains("num_attention_heads is 2.0, but language.heads of the model is 4.0"),
        e.getMessage());
  }

  @Test
  void bigVisionNamesNeedNoPrefix() {
    Path bare = rewritten(name -> name.substring("params/".length()), Function.identity());
    assertEquals(Golden.hashes("case1.sha256"), hashes(importCase1(bare), case1().model()));
  }

  /** A training checkpoint of big_vision: parameters, optimizer state, counters. */
  @Test
  void whatStandsBesideTheParametersIsDropped() {
    Path target = folder.resolve("checkpoint.npz");
    try (NpzFile file = NpzFile.open(Golden.path("case1.npz"))) {
      List<Tensor> tensors = new ArrayList<>();
      for (String name : file.names()) {
        NDArray array = file.toArray(manager, name);
        tensors.add(Tensor.of(name, array, ElementType.F32));
        String moment = "opt/0/1/mu/" + name.substring("params/".length());
        tensors.add(Tensor.of(moment, array, ElementType.F32));
      }
      NDArray seconds = manager.create(12.5f);
      tensors.add(Tensor.of("chrono/accum_train_time", seconds, ElementType.F32));
      Durable.file(target, channel -> NpzWriter.write(channel, tensors));
    }
    Imported imported = importModel(target, case1().model(), 28);
    assertEquals(Golden.hashes("case1.sha256"), hashes(imported.parameters(), case1().model()));
    assertTrue(imported.notes().get(0).contains("chrono/*, opt/* ("), imported.notes().toString());
  }

  /** Some published Gemma checkpoints keep gating_einsum as (2, M, D). */
  @Test
  void transposedGatesAreTurned() {
    Path turned =
        rewritten(
            Function.identity(),
            array ->
                array.getShape().equals(new Shape(2, 2, 40, 96)) ? array.swapAxes(2, 3) : array);
    try (NpzFile file = NpzFile.open(turned)) {
      assertEquals(new Shape(2, 2, 96, 40), file.shape("params/llm/layers/mlp/gating_einsum"));
    }
    assertEquals(Golden.hashes("case1.sha256"), hashes(importCase1(turned), case1().model()));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void newerNamesAndATiedOutputTableAreRead(boolean tied) {
    Parameters parameters = importCase1(Golden.path("case1.npz"));
    List<Tensor> tensors = new ArrayList<>();
    Map<Part, String> prefixes =
        Map.of(
            Part.VISION, "model.vision_tower.vision_model",
            Part.CONNECTOR, "model.multi_modal_projector.linear",
            Part.LANGUAGE, "model.language_model");
    for (Row row : WeightMapping.huggingFace(case1().model(), prefixes)) {
      tensors.add(Tensor.of(row.foreign(), parameters.get(row.ours()), ElementType.F32));
    }
    NDArray table = parameters.get("language/embedding");
    tensors.add(Tensor.of("lm_head.weight", tied ? table : table.add(1), ElementType.F32));
    Path file = folder.resolve("model.safetensors");
    Durable.file(file, channel -> SafetensorsWriter.write(channel, tensors));
    if (tied) {
      Imported imported = importModel(file, case1().model(), 28);
      assertEquals(Golden.hashes("case1.sha256"), hashes(imported.parameters(), case1().model()));
      assertTrue(imported.notes().get(0).contains("dropped lm_head.weight"));
    } else {
      var e =
          assertThrows(InvalidConfigException.class, () -> importModel(file, case1().model(), 28));
      assertTrue(e.getMessage().contains("lm_head.weight differs from"), e.getMessage());
    }
  }

  private static HuggingFaceConfig case1() {
    return HuggingFaceConfig.read(Golden.path("case1.config.json"));
  }

  private Parameters importCase1(Path file) {
    return importModel(file, case1().model(), 28).parameters();
  }

  private Path rewritten(Function<String, String> names, Function<NDArray, NDArray> arrays) {
    Path target = folder.resolve("rewritten.npz");
    try (NpzFile file = NpzFile.open(Golden.path("case1.npz"))) {
      List<Tensor> tensors = new ArrayList<>();
      for (String name : file.names()) {
        NDArray array = arrays.apply(file.toArray(manager, name));
        NDArray contiguous = manager.create(array.toFloatArray(), array.getShape());
        tensors.add(Tensor.of(names.apply(name), contiguous, ElementType.F32));
      }
      Durable.file(target, channel -> NpzWriter.write(channel, tensors));
    }
    return target;
  }

  @Test
  void aFailedImportLeavesNoArrays() throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.path("case1.npz"));
    bytes[bytes.length / 2] ^= 1; // found when that tensor is read, after others were loaded
    Path broken = Files.write(folder.resolve("broken.npz"), bytes);
    HuggingFaceConfig hf = HuggingFaceConfig.read(Golden.path("case1.config.json"));
    assertThrows(
        CheckpointFormatException.class, () -> importModel(broken, hf.model(), hf.resolution()));
    assertEquals(0, manager.getManagedArrays().size());
  }

  private HuggingFaceConfig target() {
    return HuggingFaceConfig.read(Golden.path("case6/target_config.json"));
  }

  private Imported importTowers(
      String vision, ModelConfig model, int resolution, ConnectorInit init, long seed) {
    return PretrainedImporter.read(manager, towers(vision, init), model, resolution, seed);
  }

  private static FromPretrained towers(String vision, ConnectorInit init) {
    return new FromPretrained(
        Golden.path("case6/" + vision).toString(),
        Golden.path("case6/gemma_hf").toString(),
        null,
        init);
  }

  private Imported importModel(Path path, ModelConfig model, int resolution) {
    return PretrainedImporter.read(
        manager,
        new FromPretrained(null, null, path.toString(), ConnectorInit.ZERO),
        model,
        resolution,
        1);
  }

  private void copy(String resource) throws IOException {
    try (var files = Files.list(Golden.path(resource))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName().toString()));
      }
    }
  }

  /** Hashes under Hugging Face names. */
  static Map<String, String> hashes(Parameters parameters, ModelConfig model) {
    Map<String, String> hashes = new TreeMap<>();
    Map<Part, String> prefixes =
        Map.of(
            Part.VISION, "vision_tower.vision_model",
            Part.CONNECTOR, "multi_modal_projector.linear",
            Part.LANGUAGE, "language_model.model");
    WeightMapping.huggingFace(model, prefixes)
        .forEach(
            row -> {
              var array = parameters.get(row.ours());
              hashes.put(
                  row.foreign(), Golden.hash(array.getShape().getShape(), array.toFloatArray()));
            });
    return hashes;
  }
}
