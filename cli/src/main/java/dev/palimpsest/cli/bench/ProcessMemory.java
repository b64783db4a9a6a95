package dev.palimpsest.cli.bench;

import dev.palimpsest.files.Daemons;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Looks at the memory of this process while something runs.
 *
 * <p>Private memory is what the kernel counts as this process's alone ({@code
 * /proc/self/smaps_rollup}, {@code Private_Clean} + {@code Private_Dirty}). Pages of files that are
 * mapped here and nowhere else are among it, although the system takes them back as it likes; they
 * are also told apart.
 */
final class ProcessMemory implements AutoCloseable {
  private static final Path ROLLUP = Path.of("/proc/self/smaps_rollup");
  private static final long INTERVAL_MILLIS = 250; // a look walks through all pages

  private final Thread watcher = Daemons.thread("memory-watcher", this::watch);
  private volatile boolean ended;
  private Peak peak = Peak.UNKNOWN;

  /**
   * The most that was seen.
   *
   * @param privateBytes -1 where the system does not tell
   * @param fileBytes pages of files among it, at that moment
   * @param heapBytes Java heap in use
   */
  record Peak(long privateBytes, long fileBytes, long heapBytes) {
    static final Peak UNKNOWN = new Peak(-1, -1, 0);
  }

  /** Begins to look. */
  ProcessMemory() {
    watcher.start();
  }

  private void watch() {
    try {
      while (!ended) {
        look();
        Thread.sleep(INTERVAL_MILLIS);
      }
    } catch (InterruptedException e) {
      // the end
    }
  }

  private synchronized void look() {
    long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    peak = new Peak(peak.privateBytes, peak.fileBytes, Math.max(heap, peak.heapBytes));
    if (!Files.isReadable(ROLLUP)) {
      return; // another system
    }
    try {
      long owned = 0;
      long anonymous = 0;
      for (String line : Files.readAllLines(ROLLUP, StandardCharsets.US_ASCII)) {
        if (line.startsWith("Private_Clean:") || line.startsWith("Private_Dirty:")) {
          owned += bytes(line);
        } else if (line.startsWith("Anonymous:")) {
          anonymous = bytes(line);
        }
      }
      if (owned > peak.privateBytes) {
        peak = new Peak(owned, Math.max(0, owned - anonymous), peak.heapBytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + ROLLUP, e);
    }
  }

  private static long bytes(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
  }

  /** The most so far. */
  synchronized Peak peak() {
    look();
    return peak;
  }

  @Override
  public void close() {
    ended = true;
    watcher.interrupt();
  }
}
