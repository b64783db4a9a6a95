package dev.palimpsest.stages.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainStateTest {
  private static final StorageConfig.Memory NONE = new StorageConfig.Memory(0);
  private static final Path OPEN_FILES = Path.of("/proc/self/fd");

  @TempDir Path folder;

  @Test
  void memoryIsWhatIsKeptThereInItsOwnFormat() {
    Map<String, Shape> shapes = Map.of("a", new Shape(10, 3));
    try (NDManager manager = NDManager.newBaseManager()) {
      Parameters memory = Parameters.zeros(manager, shapes);
      Parameters disk = Parameters.zerosOnDisk(manager, folder, shapes, Precision.F32, NONE);
      Parameters mu = Parameters.zeros(manager, shapes, Precision.BF16);
      assertEquals(30 * (4 + 2 + 4), state(memory, mu, memory).memoryBytes());
      assertEquals(30 * (2 + 4), state(disk, mu, memory).memoryBytes());
      assertEquals(30 * 4, state(memory, disk, disk).memoryBytes());
      disk.close();
    }
  }

  @Test
  void closingFreesWhatIsOnDisk() throws IOException {
    assumeTrue(Files.isDirectory(OPEN_FILES), "lists open files as Linux shows them");
    Map<String, Shape> shapes = Map.of("a", new Shape(1 << 20));
    try (NDManager manager = NDManager.newBaseManager()) {
      TrainState state =
          state(
              Parameters.zerosOnDisk(manager, folder, shapes, Precision.F32, NONE),
              Parameters.zerosOnDisk(manager, folder, shapes, Precision.F32, NONE),
              Parameters.zeros(manager, shapes));
      assertTrue(removedFilesInUse() >= 2);
      state.close();
      assertEquals(0, removedFilesInUse());
    }
  }

  /** Files of this test's folder that have no name any more and still take space. */
  private long removedFilesInUse() throws IOException {
    try (Stream<Path> open = Files.list(OPEN_FILES)) {
      return open.map(TrainStateTest::target)
          .filter(t -> t.startsWith(folder.toString()) && t.endsWith("(deleted)"))
          .count();
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return ""; // closed since, as the listing itself
    }
  }

  private static TrainState state(Parameters parameters, Parameters mu, Parameters nu) {
    return new TrainState(parameters, Map.of("mu", mu, "nu", nu), 0, 0, 0, "stage", 0);
  }
}
