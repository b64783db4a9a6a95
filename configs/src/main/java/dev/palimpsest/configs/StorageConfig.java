package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Default;

/**
 * Where a stage keeps the arrays that training changes. This does not affect the bits of results.
 * On disk they take space in the stage's folder only while it trains, and the operating system
 * keeps as much of them in memory as is free; saving a checkpoint then waits until it is written,
 * because there is no room for a copy.
 *
 * @param parameters the float32 parameters
 * @param gradients the gradients of one optimizer step, float32, of all trained parameters
 * @param moments the optimizer's moments of all trained parameters
 */
public record StorageConfig(
    @Default("memory") Storage parameters,
    @Default("memory") Storage gradients,
    @Default("memory") Storage moments) {
  /** A place for arrays. */
  public enum Storage {
    /** The memory of the device. */
    MEMORY,
    /** A file in the stage's folder; for training on the CPU. */
    DISK
  }

  /** Whether any arrays are kept on disk. */
  public boolean usesDisk() {
    return parameters == Storage.DISK || gradients == Storage.DISK || moments == Storage.DISK;
  }
}
