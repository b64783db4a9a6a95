package dev.palimpsest.model.kernels;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * libtorch's switch between the fastest algorithms and those that give equal bits for equal inputs,
 * which differ on a GPU alone: there some add up in the order in which threads happen to finish.
 * Python's name for it is {@code use_deterministic_algorithms}. DJL does not offer it, so
 * libtorch's own functions are called by their C++ names.
 */
final class Repeatability {
  private static final Logger log = LoggerFactory.getLogger(Repeatability.class);

  /** Loaded already, and known to the system's loader by this name. */
  private static final String LIBRARY = "libtorch_cpu.so";

  private static final String CONTEXT = "_ZN2at13globalContextEv";
  private static final String SET = "_ZN2at7Context26setDeterministicAlgorithmsEbb";
  private static final String GET = "_ZNK2at7Context23deterministicAlgorithmsEv";
  private static final String FILL = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb";

  private Repeatability() {}

  /**
   * Switches it, for the whole process. An operation that cannot repeat its bits then fails instead
   * of doing so. cuBLAS repeats its own with {@code CUBLAS_WORKSPACE_CONFIG=:4096:8}, which the
   * launcher sets.
   */
  static void require(boolean required) {
    try {
      NativeLibrary libtorch = NativeLibrary.getInstance(LIBRARY);
      Pointer context = libtorch.getFunction(CONTEXT).invokePointer(new Object[0]);
      libtorch
          .getFunction(SET)
          .invokeVoid(new Object[] {context, required ? 1 : 0, 0 /* an error, no warning */});
      // Otherwise new arrays would be filled with NaN, which costs time and changes no result.
      libtorch.getFunction(FILL).invokeVoid(new Object[] {context, 0});
    } catch (UnsatisfiedLinkError e) {
      log.warn("this libtorch cannot be told to repeat its bits: {}", e.getMessage());
    }
  }

  /** Whether it is required now. */
  static boolean isRequired() {
    NativeLibrary libtorch = NativeLibrary.getInstance(LIBRARY);
    Pointer context = libtorch.getFunction(CONTEXT).invokePointer(new Object[0]);
    return (libtorch.getFunction(GET).invokeInt(new Object[] {context}) & 0xff) != 0;
  }
}
