package dev.palimpsest.cli.machine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.cuda.CudaUtils;
import dev.palimpsest.configs.RanksConfig.Overlap;
import dev.palimpsest.model.kernels.EngineFacts;
import dev.palimpsest.model.kernels.Kernels;
import java.lang.management.MemoryUsage;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a command computes with, opened once: a device, libtorch's threads, the kernels, and the
 * root manager. They are closed in reverse order.
 *
 * @param manager for arrays on {@code device}
 * @param kernels loaded there
 */
public record Machine(Device device, NDManager manager, Kernels kernels) implements AutoCloseable {
  private static final Pattern NAME = Pattern.compile("cpu|cuda(?::(\\d{1,4}))?");

  /**
   * Opens a device.
   *
   * @param name {@code cpu}, {@code cuda} (the first) or {@code cuda:n}
   * @param threads libtorch's compute threads; null for its own choice. They take effect at the
   *     engine's first use
   * @throws UnusableDeviceException when there is no such device, or libtorch cannot use it;
   *     nothing falls back to another
   */
  public static Machine open(String name, @Nullable Integer threads) {
    if (threads != null) {
      System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    }
    Device device = device(name);
    CudaDriver driver = device.isGpu() ? CudaDriver.probe() : null;
    if (driver != null) {
      requireDriver(name, driver);
    }
    Engine engine = engine();
    if (driver != null) {
      requireCuda(
          name,
          device.getDeviceId(),
          driver,
          new CudaPart(
              engine.getVersion(), EngineFacts.hasCudaPart(), cudaRuntime(), engine.getGpuCount()));
    }
    NDManager manager = engine.newBaseManager(device);
    try {
      tryOut(name, manager);
      return new Machine(device, manager, Kernels.load(device));
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
  }

  /** The GPU that commands compute on; empty on a CPU. */
  public Optional<CudaDriver.Gpu> gpu() {
    return device.isGpu()
        ? Optional.of(CudaDriver.probe().gpus().get(device.getDeviceId()))
        : Optional.empty();
  }

  /**
   * Whether exchanges between ranks may run beside the computing: as a recipe asks for, or if they
   * find a processor that computes nothing.
   *
   * @param threads with which each process computes
   * @param processes of this machine that compute
   */
  public boolean hasSpare(Overlap overlap, int threads, int processes) {
    return switch (overlap) {
      case ALWAYS -> true;
      case NEVER -> false;
      case AUTO ->
          !device.isGpu() && threads * processes < Runtime.getRuntime().availableProcessors();
    };
  }

  /** Bytes of the GPU's memory that no program uses. */
  public long gpuBytesFree() {
    MemoryUsage memory = CudaUtils.getGpuMemory(device);
    return memory.getMax() - memory.getUsed();
  }

  /** A manager of arrays in the computer's own memory, for work that needs no kernels. */
  public static NDManager hostMemory() {
    return NDManager.newBaseManager(Device.cpu());
  }

  private static Device device(String name) {
    Matcher m = NAME.matcher(name);
    if (!m.matches()) {
      throw refused("must be cpu, cuda or cuda:n, got '" + name + "'");
    }
    return name.equals("cpu")
        ? Device.cpu()
        : Device.gpu(m.group(1) == null ? 0 : Integer.parseInt(m.group(1)));
  }

  private static Engine engine() {
    try {
      return Engine.getEngine("PyTorch");
    } catch (EngineException | LinkageError e) {
      throw new UnusableDeviceException("the engine cannot be loaded: " + root(e), e);
    }
  }

  private static String root(Throwable thrown) {
    Throwable root = thrown;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return String.valueOf(root.getMessage()).lines().findFirst().orElse("");
  }

  /** The version of the CUDA runtime that the engine found; 0 if it found none. */
  private static int cudaRuntime() {
    try {
      return CudaUtils.getCudaVersion();
    } catch (IllegalStateException | EngineException e) {
      return 0;
    }
  }

  /** The message when CUDA was asked for and there is no driver. */
  static void requireDriver(String name, CudaDriver driver) {
    if (!driver.found()) {
      throw refused(
          name
              + " cannot be used: there is no NVIDIA driver here (libcuda.so.1 is not found);"
              + " install one, or let the container see the GPU");
    }
  }

  /**
   * Facts about the engine's CUDA.
   *
   * @param version libtorch's
   * @param isThere whether it is built with CUDA
   * @param runtime version of the CUDA runtime as in {@link CudaDriver#version}, 0 for none
   * @param devices number of devices that it finds
   */
  record CudaPart(String version, boolean isThere, int runtime, int devices) {}

  /** The message when CUDA was asked for and cannot be used although there is a driver. */
  static void requireCuda(String name, int id, CudaDriver driver, CudaPart engine) {
    if (!engine.isThere()) {
      throw refused(
          "%s cannot be used: this libtorch (%s) is built for CPUs only; './palimpsest --engine cuda' fetches one with CUDA"
              .formatted(name, engine.version()));
    }
    if (engine.runtime() == 0) {
      throw refused(
          "%s cannot be used: the CUDA runtime (libcudart) is not found; name its folder with -Djna.library.path in PALIMPSEST_JAVA_OPTS"
              .formatted(name));
    }
    if (driver.version() > 0 && driver.version() / 1000 < engine.runtime() / 1000) {
      throw refused(
          "%s cannot be used: the NVIDIA driver runs programs up to CUDA %s, and this engine needs CUDA %d; update the driver"
              .formatted(name, CudaDriver.figures(driver.version()), engine.runtime() / 1000));
    }
    if (!driver.failure().isEmpty()) {
      throw refused(
          "%s cannot be used: the NVIDIA driver says: %s; check nvidia-smi and CUDA_VISIBLE_DEVICES"
              .formatted(name, driver.failure()));
    }
    int devices = engine.devices();
    if (devices == 0) {
      throw refused(
          "%s cannot be used: libtorch %s finds no device, but the driver has %d; check nvidia-smi and CUDA_VISIBLE_DEVICES"
              .formatted(name, engine.version(), driver.gpus().size()));
    }
    if (id >= devices) {
      throw refused(
          "%s does not exist: there %s"
              .formatted(
                  name,
                  devices == 1
                      ? "is one CUDA device, cuda:0"
                      : "are %d CUDA devices, cuda:0 to cuda:%d".formatted(devices, devices - 1)));
    }
  }

  /** A listed device may still be in use by others or too old for this libtorch. */
  private static void tryOut(String name, NDManager manager) {
    try (NDArray one = manager.ones(new Shape(1));
        NDArray two = one.add(one)) {
      if (two.getFloat(0) != 2) {
        throw refused(name + " cannot be used: it adds one and one to " + two.getFloat(0));
      }
    } catch (EngineException e) {
      throw refused("%s cannot be used: %s".formatted(name, root(e)));
    }
  }

  private static UnusableDeviceException refused(String why) {
    return new UnusableDeviceException("--device " + why);
  }

  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
