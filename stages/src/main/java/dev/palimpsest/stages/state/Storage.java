package dev.palimpsest.stages.state;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.NativeMemory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Creates the arrays that training changes, in memory or on disk as the recipe says.
 *
 * @param config the recipe's choice
 * @param folder for arrays on disk
 */
public record Storage(StorageConfig config, Path folder) {
  /** Everything in memory. */
  public static final Storage IN_MEMORY =
      new Storage(
          new StorageConfig(
              StorageConfig.Storage.MEMORY,
              StorageConfig.Gradients.MEMORY,
              StorageConfig.Storage.MEMORY,
              0),
          Path.of(""));

  /** The arrays that can be placed. */
  public enum Use {
    PARAMETERS,
    GRADIENTS,
    MOMENTS
  }

  /** Zeros, in a new child of {@code parent}. */
  public Parameters zeros(NDManager parent, Use use, Map<String, Shape> shapes, Precision type) {
    if (!isOnDisk(use)) {
      return Parameters.zeros(parent, shapes, type);
    }
    requireCpu(parent, "arrays on disk");
    return switch (use) {
      case PARAMETERS ->
          Parameters.zerosOnDisk(parent, folder, shapes, type, config.parameterMemory());
      case GRADIENTS -> Parameters.zerosOnDisk(parent, folder, shapes, type);
      case MOMENTS -> Parameters.zerosOnDisk(parent, folder, shapes, type, config.momentMemory());
    };
  }

  /**
   * Where gradients are summed: zeros that take their memory when something is added. On a GPU they
   * have it from the beginning, so that what is free can be measured ahead. Where gradients are
   * recomputed, each is to be {@link Parameters#release released} when it has been used.
   *
   * @param places their memory; null: that of what is added
   */
  public Parameters sums(NDManager parent, Map<String, Shape> shapes, @Nullable Parameters places) {
    if (recomputesGradients()) {
      requireCpu(parent, "gradients that are recomputed");
    }
    return isOnDisk(Use.GRADIENTS) || !parent.getDevice().equals(Device.cpu())
        ? zeros(parent, Use.GRADIENTS, shapes, Precision.F32)
        : Parameters.placeholders(parent, shapes, places);
  }

  /**
   * Whether the memory of gradients is kept from step to step. Where other arrays are on disk, free
   * memory goes back to the system, which takes longer to clear it for the next step than a copy of
   * the gradients takes.
   */
  public boolean keepsGradients() {
    return config.usesDisk() && config.gradients() == StorageConfig.Gradients.MEMORY;
  }

  /** Whether gradients are kept nowhere, but computed twice. */
  public boolean recomputesGradients() {
    return config.gradients() == StorageConfig.Gradients.RECOMPUTED;
  }

  /**
   * Gives freed memory back to the system where arrays are on disk, now and whenever it has become
   * much: memory is short then. Does nothing where all are in memory.
   */
  public void returnFreed() {
    if (config.usesDisk()) {
      NativeMemory.returnFreed();
    }
  }

  private boolean isOnDisk(Use use) {
    return switch (use) {
      case PARAMETERS -> config.parameters() == StorageConfig.Storage.DISK;
      case GRADIENTS -> config.gradients() == StorageConfig.Gradients.DISK;
      case MOMENTS -> config.moments() == StorageConfig.Storage.DISK;
    };
  }

  private static void requireCpu(NDManager manager, String what) {
    if (!manager.getDevice().equals(Device.cpu())) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "storage",
                  "must be memory, because %s are only for training on the CPU and this is %s"
                      .formatted(what, manager.getDevice()))));
    }
  }
}
