package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.MappedFile.Access;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class MappedFileTest {
  @TempDir Path folder;

  private static byte[] bytes(float... values) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    return buffer.array();
  }

  @Test
  void updatesReachTheFileAndReadingDoesNotChangeIt() throws IOException {
    Path file = folder.resolve("numbers");
    Files.write(file, bytes(1, 2, 3, 4, 5, 6));
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      try (MappedFile mapped = MappedFile.open(manager, file, Access.READ, 6, Precision.F32)) {
        NDArray part = mapped.array(manager, 2, new Shape(2, 2));
        assertArrayEquals(new float[] {3, 4, 5, 6}, part.toFloatArray());
        part.muli(10);
        assertArrayEquals(new float[] {30, 40, 50, 60}, part.toFloatArray());
      }
      assertArrayEquals(bytes(1, 2, 3, 4, 5, 6), Files.readAllBytes(file));
      try (MappedFile mapped = MappedFile.open(manager, file, Access.UPDATE, 8, Precision.F32)) {
        mapped.array(manager, 2, new Shape(4)).muli(10);
        mapped.array(manager, 6, new Shape(2)).addi(7);
      }
    }
    assertArrayEquals(bytes(1, 2, 30, 40, 50, 60, 7, 7), Files.readAllBytes(file));
  }

  @Test
  void anArrayMayLieBeyondTwoGigabytes() throws IOException {
    Path file = folder.resolve("sparse");
    long elements = (5L << 30) / 4;
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(4 * elements);
      sparse.seek(4 * elements - 8);
      sparse.write(bytes(1.5f, 2.5f));
    }
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        MappedFile mapped = MappedFile.open(manager, file, Access.READ, elements, Precision.F32)) {
      NDArray all = mapped.array(manager, 0, new Shape(elements / 2, 2));
      assertArrayEquals(new float[] {1.5f, 2.5f}, all.get(elements / 2 - 1).toFloatArray());
    }
  }

  /** The machine's, whatever a container may use of it. */
  private static long memoryAndSwap() throws IOException {
    long kilobytes = 0;
    for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
      if (line.startsWith("MemTotal:") || line.startsWith("SwapTotal:")) {
        kilobytes += Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return kilobytes << 10;
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFileMayBeLargerThanTheMemory() throws IOException {
    Path file = folder.resolve("larger");
    long elements = (memoryAndSwap() + (4L << 30)) / 4;
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(4 * elements);
      sparse.seek(4 * elements - 8);
      sparse.write(bytes(1.5f, 2.5f));
    }
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray last;
      try (MappedFile mapped =
          MappedFile.open(manager, file, Access.READ, elements, Precision.F32)) {
        last = mapped.array(manager, elements - 2, new Shape(2));
      }
      assertArrayEquals(new float[] {1.5f, 2.5f}, last.toFloatArray());
      last.muli(10);
      assertArrayEquals(new float[] {15, 25}, last.toFloatArray());
    }
    byte[] end = new byte[8];
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "r")) {
      sparse.seek(4 * elements - 8);
      sparse.readFully(end);
    }
    assertArrayEquals(bytes(1.5f, 2.5f), end);
  }

  @Test
  void aFileThatIsMissingOrTooShortIsNamed() throws IOException {
    Path file = folder.resolve("short");
    Files.write(file, bytes(1));
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      for (Path bad : new Path[] {file, folder.resolve("missing")}) {
        UncheckedIOException e =
            assertThrows(
                UncheckedIOException.class,
                () -> MappedFile.open(manager, bad, Access.READ, 1 << 20, Precision.F32));
        assertTrue(String.valueOf(e.getMessage()).contains(bad.toString()), e::toString);
      }
    }
    assertEquals(4, Files.size(file));
  }
}
