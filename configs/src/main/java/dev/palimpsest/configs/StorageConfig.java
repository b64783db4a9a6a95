package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * Where a stage keeps the arrays that training changes. This does not affect the bits of results.
 * On disk they take space in the stage's folder only while it trains; saving a checkpoint then
 * waits until it is written, because there is no room for a copy.
 *
 * @param parameters the float32 parameters
 * @param gradients the gradients of one optimizer step, float32, of all trained parameters; or not
 *     kept at all, but computed twice
 * @param moments the optimizer's moments of all trained parameters
 * @param memoryGiB GiB of memory in which parameters on disk are kept, as many as fit beside what
 *     is being read and written; only the others are on disk. The more, the less a step reads and
 *     writes. Moments on disk take at most half a GiB of each kind beside
 */
public record StorageConfig(
    @Default("memory") Storage parameters,
    @Default("memory") Gradients gradients,
    @Default("memory") Storage moments,
    @Default("2") double memoryGiB) {
  /** Checks the amount of memory. */
  public StorageConfig {
    new Check().range("memoryGiB", memoryGiB, 0, 1e6).done();
  }

  /** A place for arrays. */
  public enum Storage {
    /** The memory of the device. */
    MEMORY,
    /** A file in the stage's folder; for training on the CPU. */
    DISK
  }

  /** A place for gradients. */
  public enum Gradients {
    /** The memory of the device. */
    MEMORY,
    /** A file in the stage's folder; for training on the CPU. */
    DISK,
    /**
     * Nowhere: a first pass over the batch gives their norm, and a second one each gradient again,
     * with which its parameter is updated at once. A step computes twice as much, and its batch is
     * one micro batch; for training on the CPU, by one process.
     */
    RECOMPUTED
  }

  /** Some of the largest blocks, so that one can be read while another is in use. */
  private static final long MOST_WINDOW = 1L << 30;

  private static final long MOST_FOR_MOMENTS = 1L << 29;

  /**
   * Memory of arrays on disk.
   *
   * @param bytes all of it
   */
  public record Memory(long bytes) {
    /** Bytes for what is being used, read and written. */
    public long window() {
      return Math.min(MOST_WINDOW, bytes / 2);
    }

    /** Bytes of arrays that remain in memory. */
    public long kept() {
      return bytes - window();
    }

    /** How much of some arrays remains on disk, but for what kept arrays leave free of memory. */
    public long onDisk(long all) {
      return all <= bytes ? 0 : all - kept();
    }
  }

  /** For parameters on disk. */
  public Memory parameterMemory() {
    return new Memory((long) (memoryGiB * (1 << 30)));
  }

  /** For each kind of moments on disk. */
  public Memory momentMemory() {
    return new Memory(Math.min(parameterMemory().bytes(), MOST_FOR_MOMENTS));
  }

  /**
   * How much of the parameters remains on disk.
   *
   * @param all bytes of them
   */
  public long parametersOnDisk(long all) {
    return parameters == Storage.DISK ? parameterMemory().onDisk(all) : 0;
  }

  /** Whether all arrays are kept, and in memory. */
  public boolean isAllInMemory() {
    return !usesDisk() && gradients == Gradients.MEMORY;
  }

  /** Whether any arrays are kept on disk. */
  public boolean usesDisk() {
    return parameters == Storage.DISK || gradients == Gradients.DISK || moments == Storage.DISK;
  }
}
