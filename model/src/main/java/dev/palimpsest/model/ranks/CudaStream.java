package dev.palimpsest.model.ranks;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A stream of operations on a GPU: what is put on it begins when what was put there before is done.
 * One is that on which libtorch computes. The functions are those of CUDA's runtime, and of
 * libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h).
 */
final class CudaStream {
  /** Names CUDA's runtime where libtorch has loaded none. */
  private static final String VARIABLE = "PALIMPSEST_CUDART";

  private static final Pattern RUNTIME = loaded("libcudart(?:-[0-9a-f]+)?\\.so[.0-9]*");
  private static final Pattern TORCH = loaded("libtorch_cuda\\.so");

  // cudaError_t
  private static final int SUCCESS = 0;
  private static final int NOT_READY = 600;

  // cudaStreamNonBlocking, cudaEventDisableTiming
  private static final int WAITS_FOR_NO_OTHER = 1;
  private static final int WITHOUT_TIME = 2;

  private final NativeLibrary runtime;
  private final Device device;
  private final long handle;
  private boolean isLibtorchs;

  private CudaStream(NativeLibrary runtime, Device device, long handle, boolean isLibtorchs) {
    this.runtime = runtime;
    this.device = device;
    this.handle = handle;
    this.isLibtorchs = isLibtorchs;
  }

  /**
   * The current stream of a device. Without a GPU it is the default stream of the runtime that the
   * environment names.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when there is no runtime
   */
  static CudaStream of(Device device, Map<String, String> environment) {
    String named = environment.get(VARIABLE);
    String found = named == null && device.isGpu() ? find(RUNTIME) : named;
    if (found == null) {
      throw Transport.mistake(
          device.isGpu()
              ? "CUDA's runtime (libcudart) is not among libtorch's libraries; %s names its file"
                  .formatted(VARIABLE)
              : "NCCL connects GPUs, and this process computes on the CPU; leave %s out"
                  .formatted(Transport.VARIABLE));
    }
    try {
      NativeLibrary runtime = NativeLibrary.getInstance(found);
      long handle = device.isGpu() ? current(device.getDeviceId()) : 0;
      return new CudaStream(runtime, device, handle, true);
    } catch (UnsatisfiedLinkError e) {
      throw Transport.mistake("CUDA's runtime cannot be loaded: " + e.getMessage());
    }
  }

  /** The default stream unless something has chosen another. */
  private static long current(int device) {
    long[] stream = {0};
    torch("aoti_torch_get_current_cuda_stream", device, stream);
    return stream[0];
  }

  private static void torch(String function, Object... arguments) {
    String torch = find(TORCH);
    if (torch == null) {
      throw Transport.mistake("libtorch is built without CUDA");
    }
    if (NativeLibrary.getInstance(torch).getFunction(function).invokeInt(arguments) != 0) {
      throw new EngineException("libtorch fails in " + function);
    }
  }

  /** Another stream of the device, which waits for none unless it is told to. */
  CudaStream another() {
    select();
    long[] made = {0};
    require(call("cudaStreamCreateWithFlags", made, WAITS_FOR_NO_OTHER));
    return new CudaStream(runtime, device, made[0], false);
  }

  /** A mark after everything that was put on the stream so far; for {@link #waitFor}. */
  long mark() {
    long[] event = {0};
    require(call("cudaEventCreateWithFlags", event, WITHOUT_TIME));
    require(call("cudaEventRecord", event[0], handle));
    return event[0];
  }

  /** What is put on this stream from now on begins after a mark of another one. */
  void waitFor(long mark) {
    require(call("cudaStreamWaitEvent", handle, mark, 0));
    require(call("cudaEventDestroy", mark)); // CUDA keeps it as long as it is waited for
  }

  /** Has libtorch compute on this stream, and take its memory for it, in the calling thread. */
  void makeLibtorchs() {
    if (!isLibtorchs && device.isGpu()) {
      torch("aoti_torch_create_cuda_stream_guard", handle, device.getDeviceId(), new long[1]);
    }
    isLibtorchs = true;
  }

  private static Pattern loaded(String name) {
    return Pattern.compile("(?m)(/\\S.*/" + name + ")$");
  }

  /** A library of this process by its name; the loader may know it by another. */
  private static @Nullable String find(Pattern library) {
    Path maps = Path.of("/proc/self/maps");
    try {
      Matcher line =
          library.matcher(
              Files.isReadable(maps) ? Files.readString(maps, StandardCharsets.ISO_8859_1) : "");
      return line.find() ? line.group(1) : null;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + maps, e);
    }
  }

  /** {@code cudaStream_t}. */
  long handle() {
    return handle;
  }

  /** Makes the device this thread's. */
  void select() {
    require(call("cudaSetDevice", device.isGpu() ? device.getDeviceId() : 0));
  }

  /** Waits for everything that was put on the stream. */
  void await() {
    require(call("cudaStreamSynchronize", handle));
  }

  /** Whether everything is done. */
  boolean isDone() {
    int code = call("cudaStreamQuery", handle);
    if (code != NOT_READY) {
      require(code);
    }
    return code == SUCCESS;
  }

  private int call(String function, Object... arguments) {
    return runtime.getFunction(function).invokeInt(arguments);
  }

  private void require(int code) {
    if (code != SUCCESS) {
      Pointer text = runtime.getFunction("cudaGetErrorString").invokePointer(new Object[] {code});
      throw new EngineException("CUDA error: " + text.getString(0, StandardCharsets.UTF_8.name()));
    }
  }
}
