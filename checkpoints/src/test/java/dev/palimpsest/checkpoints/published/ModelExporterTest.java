package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.NpzFile;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init.ConnectorInit;
import dev.palimpsest.configs.Init.FromPretrained;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.ZipFile;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked
class ModelExporterTest {
  private static final String EMBEDDING = "language_model.model.embed_tokens.weight";

  @TempDir Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @CsvSource({"case1, case1, F32", "case3, case3, F32", "case2.bf16, case2, BF16"})
  void huggingFaceFoldersHoldTheReferencesTensors(String name, String config, Precision precision)
      throws IOException {
    Model m = load(name, config);
    Path target = folder.resolve("hf");
    m.huggingFace(target, precision, tokenizer(m.vocabulary()));
    Map<String, String> expected = Golden.hashes(name + ".sha256");
    try (SafetensorsFile file = SafetensorsFile.open(target)) {
      assertEquals(expected.keySet(), file.names());
      for (String tensor : file.names()) {
        long[] shape = file.shape(tensor).getShape();
        float[] values = file.floats(tensor);
        assertEquals(
            precision == Precision.F32 ? ElementType.F32 : ElementType.BF16,
            file.info(tensor).type());
        if (tensor.equals(EMBEDDING)) {
          assertEquals(0, shape[0] % 64);
          assertTrue(shape[0] > m.vocabulary());
          checkRowsBeyond(m.vocabulary(), shape, values, precision);
          shape[0] = m.vocabulary();
          values = Arrays.copyOf(values, (int) (shape[0] * shape[1]));
        }
        assertEquals(expected.get(tensor), Golden.hash(shape, values), tensor);
      }
    }
  }

  private static void checkRowsBeyond(
      int vocabulary, long[] shape, float[] values, Precision precision) {
    int width = (int) shape[1];
    for (int c = 0; c < width; c++) {
      double mean = 0;
      for (int row = 0; row < vocabulary; row++) {
        mean += values[row * width + c] / (double) vocabulary;
      }
      for (int row = vocabulary; row < shape[0]; row++) {
        // one rounding to the format written
        double tolerance = Math.abs(mean) * (precision == Precision.F32 ? 1e-6 : 1 / 256.0);
        assertEquals(mean, values[row * width + c], tolerance + 1e-9);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"case1, case1, F32", "case3, case3, F32", "case2.bf16, case2, BF16"})
  void bigVisionFilesHoldTheReferencesArrays(String name, String config, Precision precision)
      throws IOException {
    Model m = load(name, config);
    Path target = folder.resolve("out.npz");
    ModelExporter.bigVision(target, m.values(), m.model(), m.resolution(), precision);
    try (NpzFile expected = NpzFile.open(Golden.path(name + ".npz"));
        NpzFile actual = NpzFile.open(target)) {
      assertEquals(expected.names(), actual.names());
      for (String array : expected.names()) {
        assertEquals(expected.info(array), actual.info(array));
        assertArrayEquals(expected.floats(array), actual.floats(array), array);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "case1, case1, F32",
    "case3, case3, F32",
    "case2.bf16, case2, F32",
    "case2.bf16, case2, BF16"
  })
  void importingAnExportChangesNoBit(String name, String config, Precision precision)
      throws IOException {
    Model m = load(name, config);
    Map<String, String> before = PretrainedImporterTest.hashes(m.parameters(), m.model());
    Path npz = folder.resolve("x.npz");
    ModelExporter.bigVision(npz, m.values(), m.model(), m.resolution(), precision);
    assertEquals(before, PretrainedImporterTest.hashes(read(npz, m), m.model()));
    Path hf = folder.resolve("hf");
    m.huggingFace(hf, precision, tokenizer(m.vocabulary()));
    assertEquals(before, PretrainedImporterTest.hashes(read(hf, m), m.model()));
  }

  @Test
  void equalParametersGiveEqualBytes() throws IOException {
    Model m = load("case1", "case1");
    for (String run : List.of("a", "b")) {
      ModelExporter.bigVision(
          folder.resolve(run + ".npz"), m.values(), m.model(), 28, Precision.BF16);
      m.huggingFace(folder.resolve(run), Precision.F32, tokenizer(320));
    }
    assertEquals(-1, Files.mismatch(folder.resolve("a.npz"), folder.resolve("b.npz")));
    for (String file : files(folder.resolve("a"))) {
      assertEquals(
          -1,
          Files.mismatch(folder.resolve("a").resolve(file), folder.resolve("b").resolve(file)),
          file);
    }
  }

  /**
   * SHA-256 of the archive and of the folder, as version 0.1.0 wrote them with arrays in memory.
   */
  @ParameterizedTest
  @CsvSource({
    "case1, F32, 91b29b4b0bf375c6ec1da7aa0ae240c6db55867404e27149c9b1d26a97f84130,"
        + " a8043d3fbf36c07feb44acd2a204499442a03f6337cea74337fa3d98be20626f",
    "case1, BF16, 6006bbb6545305675a96fea8efaeea4e408e49368d53d94594bae7e965a90d50,"
        + " ba54ae26a0c58170e8428449070658fc292da7460dfca2d252678c5d721b213f",
    "case3, F32, 4db245397a3a9013a9aafa7e44c555e1f2fea2eedb4cd5a4785ddfc955d7b7c6,"
        + " 5e2bd07f0055022b59156bbdb7489c1e626a33a7439d906f7e0db81755cdf36c",
    "case3, BF16, d9b743eac26f6f14cf2c78acc765641ee146593e1d94822be6451d638707d468,"
        + " f04f8ab90f4d901d5908afb32af62081f498a40d4aaf196b98e220c4966f3279"
  })
  void anExportHasTheBytesOfEarlierOnes(
      String name, Precision precision, String archive, String weights) throws IOException {
    Model m = load(name, name);
    Path npz = folder.resolve("x.npz");
    WrittenFile written =
        ModelExporter.bigVision(npz, m.values(), m.model(), m.resolution(), precision);
    assertEquals(new WrittenFile("x.npz", Files.size(npz), archive), written);
    assertEquals(archive, ContentHash.of(npz));
    m.huggingFace(folder.resolve("hf"), precision, tokenizer(m.vocabulary()));
    assertEquals(weights, ContentHash.of(folder.resolve("hf")));
  }

  @Test
  void aCheckpointsFileAndArraysInMemoryGiveTheSameExport() throws IOException {
    Model m = load("case3", "case3");
    Path checkpoint =
        new CheckpointStore(folder.resolve("checkpoints"))
            .commit("examples-000000000001", Map.of("parameters", m.parameters()), Map.of());
    Path expected = folder.resolve("memory.npz");
    ModelExporter.bigVision(expected, m.values(), m.model(), m.resolution(), Precision.F32);
    try (TensorSource file = CheckpointStore.open(checkpoint).source("parameters")) {
      Path actual = folder.resolve("file.npz");
      ModelExporter.bigVision(
          actual, ParameterValues.of(file), m.model(), m.resolution(), Precision.F32);
      assertEquals(-1, Files.mismatch(expected, actual));
    }
  }

  @Test
  void whatIsNotToBeTrustedDoesNotBecomeVisible() throws IOException {
    Model m = load("case1", "case1");
    ParameterValues damaged =
        new ParameterValues() {
          @Override
          public Map<String, Shape> shapes() {
            return m.values().shapes();
          }

          @Override
          public TensorBytes bytes(String name) {
            return m.values().bytes(name);
          }

          @Override
          public void allRead() {
            throw new CheckpointFormatException(
                CheckpointFormatException.Kind.CORRUPT, folder, "is damaged");
          }
        };
    assertThrows(
        CheckpointFormatException.class,
        () ->
            ModelExporter.bigVision(
                folder.resolve("x.npz"), damaged, m.model(), 28, Precision.F32));
    assertThrows(
        CheckpointFormatException.class,
        () ->
            ModelExporter.huggingFace(
                folder.resolve("hf"),
                damaged,
                m.model(),
                28,
                Precision.F32,
                tokenizer(320),
                ModelExporter.Beside.NOTHING));
    assertEquals(0, folder.toFile().list().length);
  }

  @Test
  void largeModelsAreShardedWithAnIndex() throws IOException {
    Model m = load("case1", "case1");
    Map<String, String> before = PretrainedImporterTest.hashes(m.parameters(), m.model());
    Path target = folder.resolve("hf");
    ModelExporter.huggingFace(
        target,
        m.values(),
        m.model(),
        28,
        Precision.F32,
        tokenizer(320),
        ModelExporter.Beside.NOTHING,
        100_000);
    Set<String> shards =
        files(target).stream().filter(f -> f.endsWith(".safetensors")).collect(Collectors.toSet());
    assertEquals(5, shards.size());
    assertTrue(shards.contains("model-00005-of-00005.safetensors"));
    for (String shard : shards) {
      assertTrue(Files.size(target.resolve(shard)) < 110_000, shard);
    }
    JsonNode index = Json.PYTHON.readTree(target.resolve("model.safetensors.index.json").toFile());
    assertEquals(96048 * 4 + 64 * 40 * 4, index.path("metadata").path("total_size").asLong());
    assertEquals(before, PretrainedImporterTest.hashes(read(target, m), m.model()));
  }

  @ParameterizedTest
  @CsvSource({"case1", "case3"})
  void theConfigReadsBackAsTheSameModel(String name) throws IOException {
    Model m = load(name, name);
    ModelConfig odd = m.model();
    m.huggingFace(folder.resolve("hf"), Precision.BF16, tokenizer(m.vocabulary()));
    HuggingFaceConfig read = HuggingFaceConfig.read(folder.resolve("hf"));
    assertEquals(new HuggingFaceConfig(odd, m.resolution(), m.vocabulary()), read);
  }

  @Test
  void headersStartTheDataAtAMultipleOfEight() throws IOException {
    Model m = load("case1", "case1");
    m.huggingFace(folder.resolve("hf"), Precision.F32, tokenizer(320));
    byte[] bytes = Files.readAllBytes(folder.resolve("hf/model.safetensors"));
    int length = (bytes[0] & 0xff) | ((bytes[1] & 0xff) << 8) | ((bytes[2] & 0xff) << 16);
    assertEquals(0, length % 8);
    assertTrue(
        new String(bytes, 8, 60, StandardCharsets.UTF_8)
            .startsWith("{\"__metadata__\":{\"format\":\"pt\"}"));
  }

  @Test
  void whatIsBesideTheWeightsStatesTokensAndPictures() throws IOException {
    Model m = load("case1", "case1");
    Path target = folder.resolve("hf");
    m.huggingFace(
        target,
        Precision.F32,
        new ExportedProcessor(
            ImageConfig.Resize.BILINEAR, 320, Map.of("tokenizer.json", new byte[] {7})));
    assertArrayEquals(new byte[] {7}, Files.readAllBytes(target.resolve("tokenizer.json")));
    JsonNode config = Json.PYTHON.readTree(target.resolve("config.json").toFile());
    assertEquals(320, config.path("image_token_index").asInt());
    assertEquals(384, config.path("vocab_size").asInt());
    assertEquals(384, config.path("text_config").path("vocab_size").asInt());
    JsonNode pictures = Json.PYTHON.readTree(target.resolve("preprocessor_config.json").toFile());
    assertEquals(4, pictures.path("image_seq_length").asInt());
    assertEquals(28, pictures.path("size").path("height").asInt());
    assertTrue(pictures.path("do_convert_rgb").isBoolean());
    assertTrue(pictures.path("do_convert_rgb").asBoolean());
    assertEquals(2, pictures.path("resample").asInt()); // Pillow's bilinear
  }

  @Test
  void whatHuggingFaceCannotComputeIsRefused() throws IOException {
    Model m = load("case1", "case1");
    LanguageConfig c = m.model().language().withSoftcaps(50, 0);
    Model capped =
        new Model(m.parameters(), new ModelConfig(m.model().vision(), c), m.resolution());
    var e =
        assertThrows(
            InvalidConfigException.class,
            () -> capped.huggingFace(folder.resolve("hf"), Precision.F32, tokenizer(320)));
    assertTrue(e.getMessage().contains("layout has no soft-caps"), e.getMessage());
    e =
        assertThrows(
            InvalidConfigException.class,
            () -> m.huggingFace(folder.resolve("hf"), Precision.F32, tokenizer(321)));
    assertTrue(e.getMessage().contains("the tokenizer has 321 ids"), e.getMessage());
    assertFalse(Files.exists(folder.resolve("hf")));
  }

  @Test
  void parametersOfAnotherModelAreRefused() throws IOException {
    Model m = load("case1", "case1");
    var e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                ModelExporter.bigVision(
                    folder.resolve("x.npz"), m.values(), m.model(), 56, Precision.F32));
    assertTrue(
        e.getMessage().startsWith("vision/position_embedding: the model at 56 pixels has (16, 32)"),
        e.getMessage());
  }

  @Test
  void aFolderThatIsNoExportIsNotReplaced() throws IOException {
    Model m = load("case1", "case1");
    Files.writeString(folder.resolve("notes.txt"), "mine");
    assertThrows(
        IllegalArgumentException.class, () -> m.huggingFace(folder, Precision.F32, tokenizer(320)));
    assertEquals("mine", Files.readString(folder.resolve("notes.txt")));
  }

  @Test
  void aFailedExportLeavesTheEarlierOne() throws IOException {
    Model m = load("case1", "case1");
    Path npz = folder.resolve("x.npz");
    ModelExporter.bigVision(npz, m.values(), m.model(), 28, Precision.F32);
    byte[] before = Files.readAllBytes(npz);
    Map<String, NDArray> arrays = new HashMap<>(m.parameters().asMap());
    arrays.get("language/blocks/1/mlp/down/w").close(); // shapes are known, the data is gone
    assertThrows(
        RuntimeException.class,
        () -> ModelExporter.bigVision(npz, m.values(), m.model(), 28, Precision.F32));
    assertArrayEquals(before, Files.readAllBytes(npz));
    assertEquals(Set.of("x.npz"), Set.copyOf(files(folder)));
  }

  @Test
  void zip64RecordsAreReadByOthersToo() throws IOException {
    float[] large = new float[1000];
    for (int i = 0; i < large.length; i++) {
      large[i] = i;
    }
    Path path = folder.resolve("x.npz");
    Durable.file(
        path,
        channel ->
            NpzWriter.write(
                channel,
                List.of(
                    Tensor.of("small", manager.create(new float[] {5}), ElementType.F32),
                    Tensor.of("large", manager.create(large, new Shape(10, 100)), ElementType.F32),
                    Tensor.of("last", manager.create(new float[] {6}), ElementType.F32)),
                1000));
    try (NpzFile file = NpzFile.open(path)) {
      assertArrayEquals(large, file.floats("large"));
      assertArrayEquals(new float[] {6}, file.floats("last"));
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      byte[] bytes = zip.getInputStream(zip.getEntry("large.npy")).readAllBytes(); // checks CRCs
      assertEquals(128 + 4000, bytes.length);
      assertEquals(3, zip.size());
    }
  }

  @Test
  void arraysAreSeenInParts() {
    NDArray array = manager.arange(10f).reshape(2, 5);
    StringBuilder seen = new StringBuilder();
    ArrayMemory.visit(
        array,
        (first, memory) -> {
          seen.append(first).append(':').append(memory.remaining() / 4).append(' ');
          memory.putFloat(0, memory.getFloat(0) + 100);
        },
        4);
    assertEquals("0:4 4:4 8:2 ", seen.toString());
    assertArrayEquals(new float[] {100, 1, 2, 3, 104, 5, 6, 7, 108, 9}, array.toFloatArray());
  }

  @Test
  void exportingLeavesNoArraysBehind() throws IOException {
    Model m = load("case1", "case1");
    NDManager own = m.parameters().get("connector/bias").getManager();
    int before = own.getManagedArrays().size();
    m.huggingFace(folder.resolve("hf"), Precision.F32, tokenizer(320));
    ModelExporter.bigVision(folder.resolve("x.npz"), m.values(), m.model(), 28, Precision.BF16);
    assertEquals(before, own.getManagedArrays().size());
  }

  private record Model(Parameters parameters, ModelConfig model, int resolution) {
    int vocabulary() {
      return model.language().vocabulary();
    }

    ParameterValues values() {
      return ParameterValues.of(parameters);
    }

    void huggingFace(Path target, Precision precision, ExportedProcessor tokenizer) {
      ModelExporter.huggingFace(
          target, values(), model, resolution, precision, tokenizer, ModelExporter.Beside.NOTHING);
    }
  }

  private Model load(String name, String config) {
    HuggingFaceConfig hf = HuggingFaceConfig.read(Golden.path(config + ".config.json"));
    Model empty = new Model(null, hf.model(), hf.resolution());
    return new Model(read(Golden.path(name + ".npz"), empty), hf.model(), hf.resolution());
  }

  private Parameters read(Path path, Model m) {
    return PretrainedImporter.read(
            manager,
            new FromPretrained(null, null, path.toString(), ConnectorInit.ZERO),
            m.model(),
            m.resolution(),
            1)
        .parameters();
  }

  /** A tokenizer of so many ids, whose files are another test's subject. */
  private static ExportedProcessor tokenizer(int ids) {
    return new ExportedProcessor(ImageConfig.Resize.BICUBIC, ids, Map.of());
  }

  private static List<String> files(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(p -> p.getFileName().toString())
          .sorted()
          .toList();
    }
  }
}
