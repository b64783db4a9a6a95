package dev.palimpsest.cli.machine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.kernels.Kernels;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a command computes on, opened once: a device, libtorch's threads, the kernels, and the
 * manager above all others. Closed in reverse order of their making.
 *
 * @param manager holds arrays on {@code device}
 * @param kernels loaded there
 */
public record Machine(Device device, NDManager manager, Kernels kernels) implements AutoCloseable {
  private static final Pattern NAME = Pattern.compile("cpu|cuda(?::(\\d{1,4}))?");

  /**
   * Opens a device.
   *
   * @param name {@code cpu}, {@code cuda} (the first) or {@code cuda:n}
   * @param threads libtorch's compute threads; null for its own choice. They count from the
   *     engine's first use on
   * @throws UnusableDeviceException when there is no such device, or libtorch cannot use it;
   *     nothing falls back to another
   */
  public static Machine open(String name, @Nullable Integer threads) {
    if (threads != null) {
      System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    }
    Device device = device(name);
    Engine engine = Engine.getEngine("PyTorch");
    if (device.isGpu()) {
      requireCuda(
          name,
          device.getDeviceId(),
          engine.hasCapability(StandardCapabilities.CUDA),
          engine.getGpuCount(),
          engine.getVersion());
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

  /** What is said where CUDA was asked for and cannot be used. */
  static void requireCuda(String name, int id, boolean built, int devices, String version) {
    if (!built) {
      throw refused(
          "%s cannot be used: this libtorch (%s) is built for the CPU alone; name one with CUDA in PYTORCH_LIBRARY_PATH, or compute on the cpu"
              .formatted(name, version));
    }
    if (devices == 0) {
      throw refused(
          "%s cannot be used: libtorch %s finds no CUDA device; look at nvidia-smi, and name the folder of libcudart with -Djna.library.path in PALIMPSEST_JAVA_OPTS"
              .formatted(name, version));
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

  /** A device that is listed may still be in use by others, or too old for this libtorch. */
  private static void tryOut(String name, NDManager manager) {
    try (NDArray one = manager.ones(new Shape(1));
        NDArray two = one.add(one)) {
      if (two.getFloat(0) != 2) {
        throw refused(name + " cannot be used: it adds one and one to " + two.getFloat(0));
      }
    } catch (EngineException e) {
      throw refused(
          "%s cannot be used: %s"
              .formatted(name, String.valueOf(e.getMessage()).lines().findFirst().orElse("")));
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
