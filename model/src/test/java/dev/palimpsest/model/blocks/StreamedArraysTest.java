package dev.palimpsest.model.blocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.model.kernels.DirectFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class StreamedArraysTest {
  /** Elements of the larger arrays: a little more than 2 units of the file. */
  private static final int LENGTH = 2100;

  private static final int ARRAYS = 12;

  @TempDir Path folder;
  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager();
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private Parameters onDisk(long memory) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    for (int i = 0; i < ARRAYS; i++) {
      shapes.put("a" + i, i % 3 == 0 ? new Shape(7) : new Shape(LENGTH / 3, 3));
    }
    return Parameters.zerosOnDisk(
        manager, folder, shapes, Precision.F32, new StorageConfig.Memory(memory));
  }

  /** Forward, backward, update, five times; the memory holds nothing, one array, a few, most. */
  @ParameterizedTest
  @ValueSource(longs = {0, 30_000, 60_000, 67_000})
  void arraysHoldWhatTheirBorrowersWrote(long memory) {
    try (Parameters arrays = onDisk(memory)) {
      assertTrue(arrays.isStreamed());
      List<String> names = new ArrayList<>(arrays.names());
      List<String> backwards = new ArrayList<>(names);
      Collections.reverse(backwards);
      for (int step = 0; step < 5; step++) {
        arrays.beginStep();
        for (List<String> pass : List.of(names, backwards)) {
          for (String name : pass) {
            assertHolds(arrays, name, step);
          }
        }
        for (String name : names) {
          try (Parameters.Loan loan = arrays.lend(name, true)) {
            loan.array().addi(1);
          }
        }
      }
      for (String name : names) {
        assertArrayEquals(filled(arrays.get(name), 5), arrays.get(name).toFloatArray(), name);
      }
    }
  }

  /** What is lent at random, changed or not, and read in between as a mapped file. */
  @Test
  void anyOrderOfLoansIsAllowed() {
    Random random = new Random(5);
    Map<String, Integer> expected = new LinkedHashMap<>();
    try (Parameters arrays = onDisk(30_000)) {
      List<String> names = new ArrayList<>(arrays.names());
      for (int i = 0; i < 2000; i++) {
        if (i % 50 == 0) {
          arrays.beginStep();
        }
        String name = names.get(random.nextInt(ARRAYS));
        int before = expected.getOrDefault(name, 0);
        switch (random.nextInt(5)) {
          case 0 -> {
            try (Parameters.Loan loan = arrays.lend(name, true)) {
              loan.array().addi(1);
            }
            expected.put(name, before + 1);
          }
          case 1 -> {
            arrays.get(name).addi(1);
            expected.put(name, before + 1);
          }
          case 2 ->
              assertArrayEquals(
                  filled(arrays.get(name), before), arrays.get(name).toFloatArray(), name);
          default -> assertHolds(arrays, name, before);
        }
      }
    }
  }

  /** More is lent at once than there is memory for. */
  @Test
  void everyArrayCanBeLentAtOnce() {
    try (Parameters arrays = onDisk(0)) {
      List<Parameters.Loan> loans = arrays.names().stream().map(n -> arrays.lend(n, true)).toList();
      loans.forEach(loan -> loan.array().addi(1));
      assertThrows(IllegalStateException.class, () -> arrays.get("a1"), "a1 is lent");
      loans.forEach(Parameters.Loan::close);
      arrays.names().forEach(name -> assertHolds(arrays, name, 1));
    }
  }

  @Test
  void whatFitsIntoMemoryIsThere() {
    try (Parameters all = onDisk(1 << 20);
        Parameters none = onDisk(0);
        Parameters some = onDisk(60_000)) {
      assertFalse(all.isStreamed());
      assertEquals(all.bytes(), all.memoryBytes());
      assertEquals(0, none.memoryBytes());
      assertEquals(4 * 7 * 4 + 3 * 4 * LENGTH, some.memoryBytes());
    }
  }

  /** So that the file's space is freed: a stage closes the manager of all its arrays. */
  @Test
  void theThreadEndsWithTheManager() {
    Parameters arrays = onDisk(0);
    arrays.lend("a1", false).close();
    assertTrue(isStreaming());
    manager.close();
    assertFalse(isStreaming());
  }

  private static boolean isStreaming() {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals("arrays-on-disk"));
  }

  @Test
  void aFailingDiskIsNamed() throws IOException {
    Path file = Files.createFile(folder.resolve("short"));
    try (StreamedArrays arrays =
        new StreamedArrays(
            DirectFile.open(file),
            Precision.F32,
            0,
            Map.of("a", new StreamedArrays.Place(new Shape(3), 0)))) {
      var e = assertThrows(UncheckedIOException.class, () -> arrays.lend("a", false));
      assertEquals("cannot bring a from disk: ends before byte 4096", e.getMessage());
    }
  }

  /** 20 MiB: 10 for streaming; 10 for the largest array and 2 of 24 others, 12 apart. */
  @Test
  void theDiskHasAsMuchToDoForEachBlock() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    for (int i = 0; i < 24; i++) {
      shapes.put("block" + i, new Shape(2 << 18));
    }
    shapes.put("table", new Shape(6 << 18));
    try (Parameters arrays =
        Parameters.zerosOnDisk(
            manager, folder, shapes, Precision.F32, new StorageConfig.Memory(20 << 20))) {
      List<String> kept =
          shapes.keySet().stream().filter(name -> isInMemory(arrays, name)).toList();
      assertEquals(List.of("block11", "block23", "table"), kept);
    }
  }

  private static boolean isInMemory(Parameters arrays, String name) {
    NDArray lent;
    try (Parameters.Loan loan = arrays.lend(name, false)) {
      lent = loan.array();
    }
    return lent == arrays.get(name);
  }

  private static void assertHolds(Parameters arrays, String name, int value) {
    try (Parameters.Loan loan = arrays.lend(name, false)) {
      NDArray array = loan.array();
      assertArrayEquals(filled(array, value), array.toFloatArray(), name);
    }
  }

  private static float[] filled(NDArray array, float value) {
    float[] filled = new float[Math.toIntExact(array.size())];
    Arrays.fill(filled, value);
    return filled;
  }
}
