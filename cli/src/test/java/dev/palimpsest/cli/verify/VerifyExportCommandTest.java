package dev.palimpsest.cli.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.Durable;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VerifyExportCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String GATE = "language_model.model.layers.0.mlp.gate_proj.weight";

  private Path folder;
  private DrawnModel drawn;

  /** A run's stage with its checkpoint. */
  private Path run;

  @BeforeAll
  void drawModel(@TempDir Path temporary) throws IOException {
    folder = temporary;
    drawn = DrawnModel.write(folder);
    run = folder.resolve("run");
    copy(
        drawn.training(), run.resolve("drawn/checkpoints").resolve(drawn.training().getFileName()));
  }

  private static Path copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    return to;
  }

  private Path export(String name, String layout, String precision) {
    Path out = run.resolve("drawn/export").resolve(name);
    Outcome outcome =
        Outcome.of("export", run + "", "--to", layout, "--precision", precision, "--out", out + "");
    assertEquals(0, outcome.exit(), outcome.err());
    return out;
  }

  /** Outcomes by check, with what is said of each. */
  private static Map<String, JsonNode> verify(int exit, Path export, String... more)
      throws IOException {
    List<String> arguments = new ArrayList<>(List.of("verify-export", export + "", "--json"));
    Collections.addAll(arguments, more);
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertEquals(exit, outcome.exit(), outcome.toString());
    JsonNode json = JSON.readTree(outcome.out());
    assertEquals(exit == 0, json.path("holds").asBoolean());
    Map<String, JsonNode> checks = new LinkedHashMap<>();
    json.path("checks").forEach(check -> checks.put(check.path("check").asText(), check));
    return checks;
  }

  private static void assertFails(Map<String, JsonNode> checks, String check, String named) {
    JsonNode found = checks.get(check);
    assertTrue(found != null, check + " of " + checks.keySet());
    assertEquals("fails", found.path("outcome").asText(), found.toString());
    assertTrue(found.path("details").toString().contains(named), found.toString());
  }

  private static void assertHolds(Map<String, JsonNode> checks, String check) {
    assertEquals("holds", checks.get(check).path("outcome").asText(), checks.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "hf, f32, 'files, config, transformers 4.4x, transformers 4.52+, transformers 5.x, values, logits'",
    "hf, bf16, 'files, config, transformers 4.4x, transformers 4.52+, transformers 5.x, values, logits'",
    "npz, f32, 'files, big_vision, openpi, values, logits'"
  })
  void anExportHolds(String layout, String precision, String checks) throws IOException {
    Path export = export("whole-" + layout + "-" + precision, layout, precision);
    Map<String, JsonNode> found = verify(0, export);
    assertEquals(List.of(checks.split(", ")), List.copyOf(found.keySet()));
    found.keySet().forEach(check -> assertHolds(found, check));
    Outcome text = Outcome.of("verify-export", export.toString());
    assertTrue(text.out().contains("0 missing, 0 unexpected, 0 duplicated of "), text.out());
    assertTrue(text.out().contains(found.size() + " checks, all hold"), text.out());
  }

  @Test
  void withoutTheCheckpointNamesAndFilesAreCheckedAndLogitsAreFinite() throws IOException {
    Path moved = copy(export("to-move", "hf", "f32"), folder.resolve("moved"));
    Map<String, JsonNode> checks = verify(0, moved);
    assertEquals("absent", checks.get("values").path("outcome").asText());
    assertTrue(checks.get("logits").path("summary").asText().contains("finite"));
    Map<String, JsonNode> compared = verify(0, moved, "--against", run.toString());
    assertHolds(compared, "values");
    // One that somebody else has made has no hashes to compare with.
    assertEquals("absent", verify(0, drawn.export()).get("files").path("outcome").asText());
  }

  private Path changed(String name, UnaryOperator<List<Tensor>> change) throws IOException {
    Path export = export(name, "hf", "f32");
    Path weights = export.resolve("model.safetensors");
    Path before = Files.move(weights, folder.resolve(name + ".before"));
    try (SafetensorsFile file = SafetensorsFile.open(before)) {
      List<Tensor> tensors = new ArrayList<>();
      file.names().forEach(tensor -> tensors.add(tensor(file, tensor, tensor)));
      List<Tensor> changed = change.apply(tensors);
      Durable.file(weights, channel -> SafetensorsWriter.write(channel, changed));
    }
    return export;
  }

  private static Tensor tensor(SafetensorsFile file, String tensor, String as) {
    return new Tensor(
        new TensorInfo(as, ElementType.F32, file.shape(tensor)),
        out -> out.write(file.bytes(tensor)));
  }

  private static Tensor as(Tensor tensor, String name) {
    return new Tensor(
        new TensorInfo(name, tensor.info().type(), tensor.info().shape()), tensor.values());
  }

  private static Tensor find(List<Tensor> tensors, String name) {
    return tensors.stream().filter(t -> t.info().name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void aTensorThatIsGoneIsNamed() throws IOException {
    Path export =
        changed(
            "dropped",
            tensors -> tensors.stream().filter(t -> !t.info().name().equals(GATE)).toList());
    Map<String, JsonNode> checks = verify(1, export);
    assertFails(checks, "transformers 4.4x", "missing: " + GATE);
    assertFails(
        checks, "transformers 5.x", "missing: model.language_model.layers.0.mlp.gate_proj.weight");
    assertFails(checks, "values", GATE + " is missing");
    assertFails(checks, "files", "model.safetensors");
  }

  @Test
  void aTensorUnderAnotherNameIsMissingAndUnexpected() throws IOException {
    Path export =
        changed(
            "renamed",
            tensors ->
                tensors.stream()
                    .map(t -> t.info().name().equals(GATE) ? as(t, GATE + "s") : t)
                    .toList());
    Map<String, JsonNode> checks = verify(1, export);
    assertFails(checks, "transformers 4.52+", "unexpected: " + GATE + "s");
    assertFails(checks, "transformers 4.4x", "missing: " + GATE);
  }

  @Test
  void aTiedTableThatIsWrittenTwiceIsNamed() throws IOException {
    Path export =
        changed(
            "tied",
            tensors -> {
              List<Tensor> more = new ArrayList<>(tensors);
              more.add(
                  as(
                      find(tensors, "language_model.model.embed_tokens.weight"),
                      "language_model.lm_head.weight"));
              return more;
            });
    Map<String, JsonNode> checks = verify(1, export);
    for (String loader : List.of("transformers 4.4x", "transformers 4.52+", "transformers 5.x")) {
      assertFails(checks, loader, "duplicated: language_model.lm_head.weight");
    }
  }

  @Test
  void oneTensorUnderTheNamesOfTwoLayoutsIsNamed() throws IOException {
    String newer = "model.language_model.layers.0.mlp.gate_proj.weight";
    Path export =
        changed(
            "twice",
            tensors -> {
              List<Tensor> more = new ArrayList<>(tensors);
              more.add(as(find(tensors, GATE), newer));
              return more;
            });
    Map<String, JsonNode> checks = verify(1, export);
    assertFails(checks, "transformers 4.4x", "unexpected: " + newer);
    assertFails(checks, "transformers 5.x", "duplicated: " + newer);
  }

  @Test
  void aByteThatHasChangedIsFoundInFileAndTensor() throws IOException {
    Path export = export("flipped", "hf", "f32");
    Path weights = export.resolve("model.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.seek(file.length() - 1);
      int value = file.read();
      file.seek(file.length() - 1);
      file.write(value ^ 0x40); // the sign's neighbour: another order of magnitude
    }
    Map<String, JsonNode> checks = verify(1, export);
    assertFails(checks, "files", weights + " does not have the SHA-256");
    assertFails(checks, "values", "language_model.model.layers.0.post_attention_layernorm.weight");
    assertFails(checks, "logits", "");
    assertHolds(checks, "transformers 4.4x");
    Path archive = export("flipped.npz", "npz", "f32");
    try (RandomAccessFile file = new RandomAccessFile(archive.toFile(), "rw")) {
      file.seek(2000);
      file.write(file.read() ^ 64);
    }
    assertFails(verify(1, archive), "files", "SHA-256");
  }

  @Test
  void weightsThatWereNotExportedAreNamed() throws IOException {
    Path export = export("surplus", "hf", "f32");
    Files.copy(export.resolve("model.safetensors"), export.resolve("model-00001.safetensors"));
    assertFails(verify(1, export), "files", "model-00001.safetensors was not exported");
  }

  @Test
  void aConfigOfOtherSizesIsNamed() throws IOException {
    Path export = export("config", "hf", "f32");
    Path config = export.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config).replace("\"rope_theta\" : 10000.0", "\"rope_theta\" : 500.0"));
    Map<String, JsonNode> checks = verify(1, export);
    assertFails(checks, "files", "config.json");
    assertFails(checks, "logits", "");
    Files.writeString(config, "{");
    assertFails(verify(1, export), "config", "is not JSON");
  }

  @Test
  void voidTypedBfloat16IsReadByBigVisionAlone() throws IOException {
    Path npz = run.resolve("drawn/export/half.npz");
    var checkpoint = CheckpointStore.open(drawn.training());
    try (TensorSource parameters = checkpoint.source("parameters")) {
      StageFacts facts = StageFacts.of(checkpoint);
      ModelExporter.bigVision(
          npz, ParameterValues.of(parameters), facts.model(), facts.resolution(), Precision.BF16);
    }
    Map<String, JsonNode> checks = verify(1, npz, "--against", run.toString());
    assertHolds(checks, "big_vision");
    assertHolds(checks, "values");
    assertFails(
        checks, "openpi", "params/llm/embedder/input_embedding is bfloat16 as two-byte void");
  }

  @Test
  void aPickleIsNamed() throws IOException {
    Path whole = export("for-pickle.npz", "npz", "f32");
    Path npz = whole.resolveSibling("pickled.npz");
    String member = "params/img/head/kernel.npy";
    try (ZipFile in = new ZipFile(whole.toFile());
        OutputStream file = Files.newOutputStream(npz);
        ZipOutputStream out = new ZipOutputStream(file)) {
      for (ZipEntry entry : Collections.list(in.entries())) {
        byte[] bytes;
        try (InputStream content = in.getInputStream(entry)) {
          bytes = content.readAllBytes();
        }
        if (entry.getName().equals(member)) {
          String text = new String(bytes, StandardCharsets.ISO_8859_1);
          bytes = text.replace("'<f4', ", "'|O',  ").getBytes(StandardCharsets.ISO_8859_1);
        }
        out.putNextEntry(new ZipEntry(entry.getName()));
        out.write(bytes);
      }
    }
    Map<String, JsonNode> checks = verify(1, npz, "--against", run.toString());
    assertFails(checks, "openpi", member + " has numpy dtype '|O': pickled Python objects");
    assertFails(checks, "big_vision", member);
  }

  @Test
  void namesWithoutParamsAreNotOpenpis() throws IOException {
    Path whole = export("for-prefix.npz", "npz", "f32");
    Path npz = whole.resolveSibling("bare.npz");
    try (ZipFile in = new ZipFile(whole.toFile());
        OutputStream file = Files.newOutputStream(npz);
        ZipOutputStream out = new ZipOutputStream(file)) {
      for (ZipEntry entry : Collections.list(in.entries())) {
        out.putNextEntry(new ZipEntry(entry.getName().replace("params/", "")));
        try (InputStream content = in.getInputStream(entry)) {
          content.transferTo(out);
        }
      }
    }
    Map<String, JsonNode> checks = verify(1, npz, "--against", run.toString());
    assertFails(checks, "openpi", "missing: params/img/head/kernel");
    assertFails(checks, "openpi", "unexpected: img/head/kernel");
  }

  @Test
  void mistakesAreOneSentence() throws IOException {
    Path npz = export("alone.npz", "npz", "f32");
    Path alone = Files.copy(npz, folder.resolve("alone.npz"));
    Outcome outcome = Outcome.of("verify-export", alone.toString());
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains("give its checkpoint with --against"), outcome.err());
    outcome = Outcome.of("verify-export", folder.resolve("nothing").toString());
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains("no such file or folder"), outcome.err());
    outcome = Outcome.of("verify-export", run.toString());
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains("is not an export"), outcome.err());
    outcome = Outcome.of("verify-export", alone.toString(), "--against", folder + "/nothing");
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains("has no checkpoint"), outcome.err());
  }
}
