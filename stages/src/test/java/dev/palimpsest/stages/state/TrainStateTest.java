package dev.palimpsest.stages.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.model.blocks.Parameters;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainStateTest {
  private static final StorageConfig.Memory NONE = new StorageConfig.Memory(0);

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

  private static TrainState state(Parameters parameters, Parameters mu, Parameters nu) {
    return new TrainState(parameters, Map.of("mu", mu, "nu", nu), 0, 0, 0, "stage", 0);
  }
}
