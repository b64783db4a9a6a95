package dev.palimpsest.model.kernels;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * libtorch's switch between the fastest algorithms and those that give equal bits for equal inputs.
 * They differ only on a GPU, where some add up in the order in which threads happen to finish. In
 * Python it is called {@code use_deterministic_algorithms}. DJL does not offer it, so libtorch's
 * own functions are called by their C++ names.
 */
final class Repeatability {
  private static final Logger log = LoggerFactory.getLogger(Repeatability.class);

  /** Already loaded, and known to the system's loader by this name. */
  private static final String LIBRARY = "libtorch_cpu.so";

  private static final String CONTEXT = "_ZN2at13globalContextEv";
  private static final String SET = "_ZN2at7Context26setDeterministicAlgorithmsEbb";
  private static final String GET = "_ZNK2at7Context23deterministicAlgorithmsEv";
  private static final String FILL = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb";

  private Repeatability() {}

  /**
   * Sets it for the whole process. An operation that cannot repeat its bits then fails. cuBLAS
   * repeats its own with {@code CUBLAS_WORKSPACE_CONFIG=:4096:8}, which the launcher sets.
   */
  static void require(boolean required) {
    try {
      NativeLibrary libtorch = NativeLibrary.getInstance(LIBRARY);
      Pointer context = libtorch.getFunction(CONTEXT).invokePointer(new Object[0]);
      libtorch
          .getFunction(SET)
          .invokeVoid(new Object[] {context, required ? 1 : 0, 0 /* an error, not a warning */});
      // Otherwise new arrays would be filled with NaN, which costs time and changes no result.
      libtorch.getFunction(FILL).invokeVoid(new Object[] {context, 0});
    } catch (UnsatisfiedLinkError e) {
      log.warn("this libtorch cannot be made to repeat its bits: {}", e.getMessage());
    }
  }

  /** Whether it is set. */
  static boolean isRequired() {
    NativeLibrary libtorch = NativeLibrary.getInstance(LIBRARY);
    Pointer context = libtorch.getFunction(CONTEXT).invokePointer(new Object[0]);
    return (libtorch.getFunction(GET).invokeInt(new Object[] {context}) & 0xff) != 0;
  }
}
