package dev.palimpsest.cli.machine;

import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --device}, the same for every command that runs a model. */
public final class DeviceOption {
  @Option(
      names = "--device",
      paramLabel = "cpu|cuda[:N]",
      defaultValue = "${env:PALIMPSEST_DEVICE:-cpu}", // set by the launcher
      description = "Where to compute. Default: cpu, or cuda with an engine that has CUDA.")
  private String device = "cpu";

  /** The device that was asked for. */
  public String name() {
    return device;
  }

  /**
   * Opens the device of a process of a group: of processes on one node that are given {@code cuda},
   * each takes another GPU of those that it sees.
   *
   * @param threads as in {@link Machine#open}
   */
  public Machine open(@Nullable Integer threads, ProcessGroup group) {
    return Machine.open(
        ofRank(device, group.localRank(), () -> CudaDriver.probe().gpus().size()), threads);
  }

  /**
   * The device of a process.
   *
   * @param gpus how many it sees: all of its node, or one if the launcher has chosen
   */
  static String ofRank(String device, int localRank, IntSupplier gpus) {
    return device.equals("cuda") && localRank > 0
        ? "cuda:" + localRank % Math.max(1, gpus.getAsInt())
        : device;
  }

  /**
   * Opens the device.
   *
   * @param threads as in {@link Machine#open}
   */
  public Machine open(@Nullable Integer threads) {
    return Machine.open(device, threads);
  }
}
