package dev.palimpsest.checkpoints.tensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked
class SafetensorsFileTest {
  @TempDir Path folder;

  @Test
  void shardsReadAsOneSetOfTensors() {
    Map<String, String> expected = Golden.hashes("case6/expected.sha256");
    try (SafetensorsFile file = SafetensorsFile.open(Golden.path("case6/gemma_hf"))) {
      assertEquals(29, file.names().size());
      for (String name : file.names()) {
        String inPaliGemma = "language_model." + name;
        assertEquals(
            expected.get(inPaliGemma),
            Golden.hash(file.shape(name).getShape(), file.floats(name)),
            name);
      }
    }
  }

  @Test
  void everyNumberFormatIsRead() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    data.putDouble(-0.5).putFloat(3.25f).putInt(-7).putLong(1L << 40);
    data.putShort((short) 0xc000).putShort((short) 0x3fc0).put((byte) 255).put((byte) 1);
    Path path =
        write(
            """
            {"f64":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},
             "f32":{"dtype":"F32","shape":[],"data_offsets":[8,12]},
             "i32":{"dtype":"I32","shape":[1],"data_offsets":[12,16]},
             "i64":{"dtype":"I64","shape":[1,1],"data_offsets":[16,24]},
             "f16":{"dtype":"F16","shape":[1],"data_offsets":[24,26]},
             "bf16":{"dtype":"BF16","shape":[1],"data_offsets":[26,28]},
             "u8":{"dtype":"U8","shape":[1],"data_offsets":[28,29]},
             "bool":{"dtype":"BOOL","shape":[1],"data_offsets":[29,30]},
             "none":{"dtype":"F32","shape":[0,3],"data_offsets":[30,30]}}
            """,
            data.flip());
    try (SafetensorsFile file = SafetensorsFile.open(path);
        NDManager manager = NDManager.newBaseManager()) {
      assertArrayEquals(new float[] {-0.5f}, file.floats("f64"));
      assertArrayEquals(new float[] {3.25f}, file.floats("f32"));
      assertArrayEquals(new float[] {-2}, file.floats("f16"));
      assertArrayEquals(new float[] {1.5f}, file.floats("bf16"));
      assertArrayEquals(new long[] {-7}, file.integers("i32"));
      assertArrayEquals(new long[] {1L << 40}, file.integers("i64"));
      assertArrayEquals(new long[] {255}, file.integers("u8"));
      assertArrayEquals(new long[] {1}, file.integers("bool"));
      assertEquals(0, file.floats("none").length);
      NDArray scalar = file.toArray(manager, "f32");
      assertEquals(new Shape(), scalar.getShape());
      assertEquals(3.25f, scalar.getFloat());
      assertEquals(1L << 40, file.toArray(manager, "i64").getLong(0, 0));
      assertThrows(IllegalArgumentException.class, () -> file.floats("i64"));
      assertThrows(IllegalArgumentException.class, () -> file.integers("f32"));
      assertThrows(IllegalArgumentException.class, () -> file.info("f8"));
    }
  }

  @ParameterizedTest(name = "{2}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}|CORRUPT|8 bytes after the last",
        "{'a':{'dtype':'F32','shape':[6],'data_offsets':[0,24]}}|TRUNCATED|ends early",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}|CORRUPT|there is a hole",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},"
            + "'b':{'dtype':'F32','shape':[3],'data_offsets':[4,16]}}|CORRUPT|tensors overlap",
        "{'a':{'dtype':'F32','shape':[5],'data_offsets':[0,16]}}|CORRUPT|needs 20 bytes",
        "{'a':{'dtype':'F32','shape':[-2,-2],'data_offsets':[0,16]}}|CORRUPT|negative dimension",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[16,0]}}|CORRUPT|expected [begin, end]",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[-16,0]}}|CORRUPT|expected [begin, end]",
        "{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,16]}}"
            + "|CORRUPT|overflow",
        "{'a':{'dtype':'F32','shape':[2.5],'data_offsets':[0,16]}}|CORRUPT|expected integers",
        "{'a':{'dtype':'F32','data_offsets':[0,16]}}|CORRUPT|expected a list",
        "{'a':{'dtype':'F8_E4M3','shape':[16],'data_offsets':[0,16]}}|FOREIGN|has dtype",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]},"
            + "'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]}}|CORRUPT|Duplicate field",
        "[1,2]|CORRUPT|not a JSON object",
        "{'a':|CORRUPT|header is damaged"
      })
  void headersThatCannotBeTrueAreRefused(String header, Kind kind, String message)
      throws IOException {
    Path path = write(header.replace('\'', '"'), ByteBuffer.allocate(16));
    var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(path));
    assertEquals(kind, e.kind(), e.getMessage());
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @ParameterizedTest(name = "header of {0} bytes")
  @CsvSource({
    "0, FOREIGN",
    "100000001, FOREIGN",
    "-1, FOREIGN",
    "9223372036854775807, FOREIGN",
    "99999999, TRUNCATED"
  })
  void headerLengthIsCheckedBeforeMemoryIsTaken(long length, Kind kind) throws IOException {
    Path path = folder.resolve("x.safetensors");
    Files.write(
        path, ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
    assertEquals(
        kind,
        assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(path)).kind());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "504b0304140000000800|PyTorch's .bin and .pt",
        "80027d7100285801000000|is a pickle",
        "47475546030000000000|GGUF",
        "934e554d505901007600|.npy",
        "3c21444f43545950452068746d6c3e|HTML page",
        "76657273696f6e2068747470733a2f2f6769742d6c66732e6769746875622e636f6d2f737065632f76310a6f69"
            + "64207368613235363a61610a73697a6520370a|Git LFS pointer",
        "0000000000000000000000|consists of zeros"
      })
  void whatStandsInItsPlaceIsNamed(String hex, String message) throws IOException {
    Path path = Files.write(folder.resolve("model.safetensors"), HexFormat.of().parseHex(hex));
    var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(path));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void aFileCutAnywhereIsCalledTruncated() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("case5.safetensors"));
    Path path = folder.resolve("cut.safetensors");
    for (int length : new int[] {0, 7, 9, 200, whole.length / 2, whole.length - 1}) {
      Files.write(path, java.util.Arrays.copyOf(whole, length));
      var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(path));
      assertEquals(Kind.TRUNCATED, e.kind(), length + ": " + e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({"../secret.safetensors", "/etc/secret.safetensors", "..", "''", "a\\b.safetensors"})
  void anIndexCannotNameFilesElsewhere(String shard) throws IOException {
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"weight_map\":{\"a\":\"%s\"}}".formatted(shard.replace("\\", "\\\\")));
    var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(folder));
    assertTrue(e.getMessage().contains("not the name of a file beside the index"));
  }

  @Test
  void indexAndShardsMustAgree() throws IOException {
    Path gemma = Golden.path("case6/gemma_hf");
    for (String shard : new String[] {"00001", "00002"}) {
      String name = "model-" + shard + "-of-00002.safetensors";
      Files.copy(gemma.resolve(name), folder.resolve(name));
    }
    String index = Files.readString(gemma.resolve("model.safetensors.index.json"));
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        index.replace("model.norm.weight", "model.standard.weight"));
    var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(folder));
    assertTrue(e.getMessage().contains("model.standard.weight is not in"), e.getMessage());
    assertTrue(e.getMessage().contains("model.norm.weight is in a shard but not"));

    Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
    e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(folder));
    assertEquals(Kind.TRUNCATED, e.kind());
    assertTrue(e.getMessage().contains("model-00002-of-00002.safetensors is missing"));
  }

  @Test
  void aFolderOfPickledWeightsSaysWhatToDo() throws IOException {
    Files.writeString(folder.resolve("pytorch_model.bin"), "x");
    var e = assertThrows(CheckpointFormatException.class, () -> SafetensorsFile.open(folder));
    assertTrue(e.getMessage().contains("saved again as safetensors"));
  }

  private Path write(String header, ByteBuffer data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer all =
        ByteBuffer.allocate(8 + json.length + data.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(json.length).put(json).put(data);
    return Files.write(folder.resolve("x.safetensors"), all.array());
  }
}
