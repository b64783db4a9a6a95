package dev.palimpsest.cli.machine;

import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What NVIDIA's driver reports about itself and its devices (CUDA's driver API). It is asked
 * directly, without libtorch or the CUDA runtime: if one of them finds no device, this tells why.
 *
 * @param found whether the system has the driver's library
 * @param version the newest CUDA that it runs, 1000 times the major version plus 10 times the
 *     minor; 0 if it does not say
 * @param failure why it does not start, as its own message; empty if it starts
 * @param gpus its devices, in the order of their numbers
 */
public record CudaDriver(boolean found, int version, String failure, List<Gpu> gpus) {
  /**
   * A device.
   *
   * @param capability such as {@code 9.0}
   * @param memory in bytes
   */
  public record Gpu(String name, String capability, long memory) {}

  private static final String LIBRARY = "libcuda.so.1";
  private static final int MAJOR = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  private static final int MINOR = 76;

  /** Copies the list. */
  public CudaDriver {
    gpus = List.copyOf(gpus);
  }

  /** Asks this system's driver. */
  public static CudaDriver probe() {
    try {
      return probe(NativeLibrary.getInstance(LIBRARY));
    } catch (UnsatisfiedLinkError e) {
      return new CudaDriver(false, 0, "", List.of());
    }
  }

  private static CudaDriver probe(NativeLibrary driver) {
    IntByReference number = new IntByReference();
    int version = call(driver, "cuDriverGetVersion", number) == 0 ? number.getValue() : 0;
    int status = call(driver, "cuInit", 0);
    if (status == 0) {
      status = call(driver, "cuDeviceGetCount", number);
    }
    if (status != 0) {
      return new CudaDriver(true, version, message(driver, status), List.of());
    }
    int count = number.getValue();
    List<Gpu> gpus = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      gpus.add(gpu(driver, i));
    }
    return new CudaDriver(true, version, "", gpus);
  }

  private static Gpu gpu(NativeLibrary driver, int ordinal) {
    IntByReference device = new IntByReference();
    IntByReference major = new IntByReference();
    IntByReference minor = new IntByReference();
    LongByReference bytes = new LongByReference();
    call(driver, "cuDeviceGet", device, ordinal);
    call(driver, "cuDeviceGetAttribute", major, MAJOR, device.getValue());
    call(driver, "cuDeviceGetAttribute", minor, MINOR, device.getValue());
    call(driver, "cuDeviceTotalMem_v2", bytes, device.getValue());
    try (Memory name = new Memory(256)) {
      name.clear();
      call(driver, "cuDeviceGetName", name, (int) name.size(), device.getValue());
      return new Gpu(
          name.getString(0, StandardCharsets.UTF_8.name()),
          major.getValue() + "." + minor.getValue(),
          bytes.getValue());
    }
  }

  private static String message(NativeLibrary driver, int status) {
    PointerByReference text = new PointerByReference();
    boolean known = call(driver, "cuGetErrorString", status, text) == 0;
    Pointer said = text.getValue();
    return known && said != null
        ? "%s (%d)".formatted(said.getString(0, StandardCharsets.UTF_8.name()), status)
        : "error " + status;
  }

  private static int call(NativeLibrary driver, String function, Object... arguments) {
    return driver.getFunction(function).invokeInt(arguments);
  }

  /** A version of CUDA as text: {@code 12.6} of 12060. */
  public static String figures(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }
}
