package dev.palimpsest.stages.logs;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import dev.palimpsest.model.kernels.ProcessStatus;
import java.lang.management.ManagementFactory;

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

  public static MemoryInUse now(Device device) {
    return new MemoryInUse(
        ProcessStatus.bytes("RssAnon").orElse(0),
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
        device.isGpu() ? CudaUtils.getGpuMemory(device).getUsed() : 0);
  }
}
