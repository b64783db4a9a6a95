package dev.palimpsest.stages.training;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Memory at a moment, in bytes.
 *
 * @param process what the process has to itself, without pages of mapped files ({@code RssAnon} of
 *     Linux); 0 if the system does not report it
 * @param heap of the JVM, in use
 * @param gpu what all programs use of the GPU's memory; 0 on a CPU
 */
public record MemoryInUse(long process, long heap, long gpu) {
  /** Nothing is known. */
  public static final MemoryInUse UNKNOWN = new MemoryInUse(0, 0, 0);

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Pattern ANONYMOUS = Pattern.compile("(?m)^RssAnon:\\s+(\\d+) kB$");

  static MemoryInUse now(Device device) {
    return new MemoryInUse(
        anonymous(),
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
        device.isGpu() ? CudaUtils.getGpuMemory(device).getUsed() : 0);
  }

  private static long anonymous() {
    try {
      if (Files.isReadable(STATUS)) {
        Matcher found = ANONYMOUS.matcher(Files.readString(STATUS, StandardCharsets.UTF_8));
        return found.find() ? 1024 * Long.parseLong(found.group(1)) : 0;
      }
    } catch (IOException e) {
      return 0; // systems may forbid it
    }
    return 0;
  }
}
