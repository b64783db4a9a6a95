package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Default;

/**
 * Where a stage keeps the arrays that training changes. This does not affect the bits of results.
 * On disk they take space in the stage's folder only while it trains; saving a checkpoint then
 * waits until it is written, because there is no room for a copy.
 *
 * @param parameters the float32 parameters
 * @param gradients the gradients of one optimizer step, float32, of all trained parameters
 * @param moments the optimizer's moments of all trained parameters
 * @param memoryGiB GiB of memory in which parameters on disk are kept, as many as fit beside what
 *     is being read and written; only the others are on disk. The more, the less a step reads and
 *     writes. Moments on disk take at most half a GiB of each kind beside
 */
public record StorageConfig(
    @Default("memory") Storage parameters,
    @Default("memory") Storage gradients,
    @Default("memory") Storage moments,
    @Default("2") double memoryGiB) {
  /** A place for arrays. */
  public enum Storage {
    /** The memory of the device. */
    MEMORY,
    /** A file in the stage's folder; for training on the CPU. */
    DISK
  }

  /** Bytes of memory for parameters on disk. */
  public long parameterMemory() {
    return (long) (memoryGiB * (1 << 30));
  }

  /** Bytes of memory for each kind of moments on disk. */
  public long momentMemory() {
    return Math.min(parameterMemory(), 1L << 29);
  }

  /** Whether any arrays are kept on disk. */
  public boolean usesDisk() {
    return parameters == Storage.DISK || gradients == Storage.DISK || moments == Storage.DISK;
  }
}
