package dev.palimpsest.checkpoints.tensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked
class NpzFileTest {
  @TempDir Path folder;

  @Test
  void storedAndDeflatedMembersHoldTheSameNumbers() {
    try (NpzFile stored = NpzFile.open(Golden.path("case6/siglip.npz"));
        NpzFile deflated = NpzFile.open(Golden.path("case6/siglip_scan.npz"))) {
      String norm = "Transformer/encoder_norm/scale";
      assertArrayEquals(stored.floats("params/img/" + norm), deflated.floats("params/img/" + norm));
      float[] layer1 =
          stored.floats("params/img/Transformer/encoderblock_1/MlpBlock_0/Dense_0/kernel");
      String stacked = "params/img/Transformer/encoderblock/MlpBlock_0/Dense_0/kernel";
      assertEquals(new Shape(3, 32, 72), deflated.shape(stacked));
      assertArrayEquals(
          layer1, Arrays.copyOfRange(deflated.floats(stacked), layer1.length, 2 * layer1.length));
    }
  }

  @Test
  void voidsOfTwoBytesAreBfloat16() {
    try (NpzFile file = NpzFile.open(Golden.path("case2.bf16.npz"))) {
      TensorInfo info = file.info("params/llm/final_norm/scale");
      assertEquals(ElementType.BF16, info.type());
      assertEquals(
          Golden.hashes("case2.bf16.sha256").get("language_model.model.norm.weight"),
          Golden.hash(info.shape().getShape(), file.floats(info.name())));
    }
  }

  @Test
  void halvesAreRead() {
    try (NpzFile file = NpzFile.open(Golden.path("case2.f16.npz"))) {
      TensorInfo info = file.info("params/llm/final_norm/scale");
      assertEquals(ElementType.F16, info.type());
      assertEquals(
          Golden.hashes("case2.f16.sha256").get("language_model.model.norm.weight"),
          Golden.hash(info.shape().getShape(), file.floats(info.name())));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void allHeaderVersionsAreRead(int version) throws IOException {
    String dict = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n";
    ByteBuffer data = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    data.putInt(5).putInt(-6);
    try (NpzFile file = NpzFile.open(zip("x.npy", npy(version, dict, data.array())))) {
      assertArrayEquals(new long[] {5, -6}, file.integers("x"));
    }
  }

  @ParameterizedTest(name = "{2}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (4,), }|CORRUPT|cannot be read",
        "{'descr': '<f4', 'fortran_order': False}|CORRUPT|cannot be read",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1}|CORRUPT|cannot be read",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }|FOREIGN|numpy dtype",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }|FOREIGN|numpy dtype",
        "{'descr': '¦O', 'fortran_order': False, 'shape': (2,), }|FOREIGN|pickled",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }|FOREIGN|numpy dtype",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }|CORRUPT|needs 20 bytes",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"
            + "|CORRUPT|impossible shape",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"
            + "|CORRUPT|impossible shape",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }|CORRUPT|cannot be read",
        "__import__('os')|CORRUPT|cannot be read",
      })
  void arraysThatAreNotReadSayWhy(String dict, Kind kind, String message) throws IOException {
    Path path = zip("x.npy", npy(1, dict.replace("¦", "|"), new byte[16]));
    var e =
        assertThrows(
            CheckpointFormatException.class,
            () -> {
              try (NpzFile file = NpzFile.open(path)) {
                file.info("x"); // arrays of such types may stand beside others
              }
            });
    assertEquals(kind, e.kind(), e.getMessage());
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  /** Written by numpy 2.4, and by hand where numpy's reader takes more than its writer writes. */
  @Test
  void everyFormThatNumpyReadsIsRead() {
    try (NpzFile file = NpzFile.open(Golden.path("numpy-forms.npz"))) {
      int arrays = 0;
      for (String name : file.names()) {
        if (name.startsWith("no/")) {
          assertThrows(CheckpointFormatException.class, () -> file.info(name), name);
          continue;
        }
        TensorInfo info = file.info(name);
        float[] values = new float[(int) info.elements()];
        if (info.type().isFloating()) {
          values = file.floats(name);
        } else {
          long[] integers = file.integers(name);
          for (int i = 0; i < values.length; i++) {
            values[i] = integers[i];
          }
        }
        for (int i = 0; i < values.length; i++) { // element i, row-major, is i
          assertEquals(name.startsWith("bool") ? i % 2 : i, values[i], name + " at " + i);
        }
        arrays++;
      }
      assertEquals(36, arrays);
      assertEquals(new Shape(), file.shape("scalar"));
      assertEquals(new Shape(0, 3), file.shape("none"));
      assertEquals(new Shape(2, 3, 4), file.shape("fortran f8"));
    }
  }

  /** A member that says it is a thousand times what deflate can hold. */
  @Test
  void aBombIsRefusedBeforeItIsInflated() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("case6/siglip_scan.npz"));
    ByteBuffer file = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    int directory = file.getInt(whole.length - 22 + 16);
    file.putInt(directory + 24, 0x7ffffff0);
    Path path = Files.write(folder.resolve("x.npz"), whole);
    var e = assertThrows(CheckpointFormatException.class, () -> NpzFile.open(path));
    assertEquals(Kind.CORRUPT, e.kind(), e.getMessage());
    assertTrue(e.getMessage().contains("deflated to"), e.getMessage());
  }

  /** Many entries that all lead to one member's bytes. */
  @Test
  void membersDoNotShareBytes() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("case1.npz"));
    ByteBuffer file = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    int first = file.getInt(whole.length - 22 + 16);
    int second =
        first
            + 46
            + file.getShort(first + 28)
            + file.getShort(first + 30)
            + file.getShort(first + 32);
    file.putInt(second + 42, file.getInt(first + 42));
    file.putInt(second + 20, file.getInt(first + 20));
    file.putInt(second + 24, file.getInt(first + 24));
    Path path = Files.write(folder.resolve("x.npz"), whole);
    var e = assertThrows(CheckpointFormatException.class, () -> NpzFile.open(path));
    assertTrue(e.getMessage().contains("overlap"), e.getMessage());
  }

  @Test
  void memberNamesAreKeysAndNoPaths() throws IOException {
    String dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }";
    try (NpzFile file = NpzFile.open(zip("../../up.npy", npy(1, dict, new byte[] {9})))) {
      assertArrayEquals(new long[] {9}, file.integers("../../up"));
    }
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void aFlippedBitIsFound() throws IOException {
    for (String source : new String[] {"case6/siglip.npz", "case6/siglip_scan.npz"}) {
      byte[] bytes = Files.readAllBytes(Golden.path(source));
      bytes[bytes.length / 2] ^= 1;
      Path path = Files.write(folder.resolve("x.npz"), bytes);
      try (NpzFile file = NpzFile.open(path)) {
        var e =
            assertThrows(CheckpointFormatException.class, () -> file.names().forEach(file::bytes));
        assertEquals(Kind.CORRUPT, e.kind());
      }
    }
  }

  @Test
  void anArchiveCutAnywhereIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("case1.npz"));
    Path path = folder.resolve("x.npz");
    for (int length : new int[] {0, 3, 30, 5000, whole.length / 2, whole.length - 1}) {
      Files.write(path, Arrays.copyOf(whole, length));
      var e = assertThrows(CheckpointFormatException.class, () -> NpzFile.open(path));
      assertEquals(length < 4 ? Kind.FOREIGN : Kind.TRUNCATED, e.kind(), e.getMessage());
    }
  }

  /** Each directory field in turn is filled with ones: sizes and offsets beyond the file. */
  @ParameterizedTest
  @ValueSource(ints = {20, 24, 28, 30, 32, 42})
  void directoryFieldsAreCheckedBeforeMemoryIsTaken(int field) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("case1.npz"));
    ByteBuffer file = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    int directory = file.getInt(whole.length - 22 + 16);
    if (field == 28 || field == 30 || field == 32) {
      file.putShort(directory + field, (short) -1);
    } else {
      file.putInt(directory + field, 0x7fffffff);
    }
    Path path = Files.write(folder.resolve("x.npz"), whole);
    var e = assertThrows(CheckpointFormatException.class, () -> NpzFile.open(path));
    assertEquals(Kind.CORRUPT, e.kind(), e.getMessage());
  }

  @Test
  void otherZipsAreNotTakenForCheckpoints() throws IOException {
    var e =
        assertThrows(
            CheckpointFormatException.class, () -> NpzFile.open(zip("a.txt", new byte[3])));
    assertEquals(Kind.FOREIGN, e.kind());
  }

  private static byte[] npy(int version, String dict, byte[] data) {
    byte[] text = dict.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer b =
        ByteBuffer.allocate(12 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    b.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
    b.put((byte) version).put((byte) 0);
    if (version == 1) {
      b.putShort((short) text.length);
    } else {
      b.putInt(text.length);
    }
    b.put(text).put(data);
    return Arrays.copyOf(b.array(), b.position());
  }

  private Path zip(String name, byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry(name));
      zip.write(content);
    }
    return Files.write(folder.resolve("x.npz"), bytes.toByteArray());
  }
}
