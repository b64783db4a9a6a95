package dev.palimpsest.stages.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.StorageConfig.Storage;
import dev.palimpsest.model.blocks.Parameters;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainStateTest {
  @Test
  void memoryIsWhatIsKeptThereInItsOwnFormat() {
    Map<String, Shape> shapes = Map.of("a", new Shape(10, 3));
    try (NDManager manager = NDManager.newBaseManager()) {
      TrainState state =
          new TrainState(
              Parameters.zeros(manager, shapes),
              Map.of(
                  "mu",
                  Parameters.zeros(manager, shapes, Precision.BF16),
                  "nu",
                  Parameters.zeros(manager, shapes)),
              0,
              0,
              0,
              "stage",
              0);
      assertEquals(30 * (4 + 2 + 4), state.memoryBytes(kept(Storage.MEMORY, Storage.MEMORY)));
      assertEquals(30 * (2 + 4), state.memoryBytes(kept(Storage.DISK, Storage.MEMORY)));
      assertEquals(30 * 4, state.memoryBytes(kept(Storage.MEMORY, Storage.DISK)));
    }
  }

  private static StorageConfig kept(Storage parameters, Storage moments) {
    return new StorageConfig(parameters, Storage.MEMORY, moments);
  }
}
