package dev.palimpsest.model.ranks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import dev.palimpsest.model.kernels.FloatArrays;
import java.util.function.Consumer;

/**
 * Addresses of arrays' elements, from libtorch's stable C interface
 * (torch/csrc/inductor/aoti_torch/c/shim.h, {@code aoti_torch_get_data_ptr}); the engine hands out
 * no address.
 */
final class TensorMemory {
  /** Already loaded by the engine, and known to the system's loader by this name. */
  private static final String LIBRARY = "libtorch_cpu.so";

  private static final Function DATA =
      NativeLibrary.getInstance(LIBRARY).getFunction("aoti_torch_get_data_ptr");

  private TensorMemory() {}

  /** Where a contiguous array's elements are; valid as long as the array is open. */
  static long address(NDArray array) {
    long[] address = {0};
    int failed = DATA.invokeInt(new Object[] {((PtNDArray) array).getHandle(), address});
    if (failed != 0) {
      throw new IllegalStateException("libtorch does not say where an array's elements are");
    }
    return address[0];
  }

  /** Works on an array where it is, or on a copy on the device, which is then copied back. */
  static void on(Device device, NDArray array, Consumer<NDArray> operation) {
    if (array.getDevice().equals(device)) {
      operation.accept(array);
      return;
    }
    try (NDManager scope = array.getManager().newSubManager(device);
        NDArray copy = FloatArrays.copy(scope, device, array)) {
      operation.accept(copy);
      FloatArrays.assign(array, copy);
    }
  }
}
