package dev.palimpsest.model.kernels;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.ScriptMethods;
import ai.djl.util.cuda.CudaUtils;
import com.sun.jna.NativeLibrary;
import dev.palimpsest.configs.Precision;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.MemoryUsage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The scripted operations of one process, loaded once and used by any thread. Their sources are
 * resources beside this class: TorchScript methods that libtorch compiles when they are loaded. The
 * decoder's, the head's and the optimizer's are always loaded; an image tower brings its own
 * ({@link #require}).
 */
@SuppressWarnings("try") // gradient modes are used by being open
public final class Kernels implements AutoCloseable {
  private static final List<String> SOURCES =
      List.of("language.py", "head.py", "autograd.py", "optimizer.py", "peak.py");

  private static final String PRODUCTS = "products.py";

  private final NDManager manager;
  private final List<String> products;
  private final PtSymbolBlock module;
  private final Map<String, PtSymbolBlock> towers = new LinkedHashMap<>();

  /** The module of each kernel that a tower has brought. */
  private final Map<String, PtSymbolBlock> ofTowers = new ConcurrentHashMap<>();

  private Kernels(NDManager manager, List<String> products) {
    this.manager = manager;
    this.products = products;
    this.module = module(manager, with(SOURCES));
  }

  /** Kernels of these sources, which call those of products. */
  private List<String> with(List<String> sources) {
    List<String> all = new ArrayList<>(products);
    all.addAll(sources);
    return all;
  }

  /** Packs and loads the kernel sources, for the CPU. */
  public static Kernels load() {
    return load(Device.cpu());
  }

  /** Packs and loads the kernel sources. */
  public static Kernels load(Device device) {
    return load(device, products(device));
  }

  /** The same with these sources of products, see {@link #products}. */
  static Kernels load(Device device, List<String> products) {
    NDManager manager = Engine.getEngine("PyTorch").newBaseManager(device);
    if (device.isGpu()) {
      Repeatability.require(true);
    }
    try {
      return new Kernels(manager, products);
    } catch (RuntimeException e) {
      manager.close();
      throw e;
    }
  }

  /** What all kernels multiply with: the fastest library of a device, and its way with bfloat16. */
  private static List<String> products(Device device) {
    String bfloat16 =
        device.isGpu() || EngineFacts.hasBfloat16() ? "bfloat16.py" : "bfloat16_emulated.py";
    List<String> oneDnn = List.of(PRODUCTS, "multiply_onednn.py", bfloat16);
    return device.isGpu() || (EngineFacts.isIntel() && EngineFacts.hasMkl()) || !areKnown(oneDnn)
        ? List.of(PRODUCTS, "multiply.py", bfloat16)
        : oneDnn;
  }

  /**
   * Loads the kernels of a tower, unless they are loaded already. They may call those of {@code
   * products.py}.
   *
   * @param source a resource beside this class
   * @throws IllegalStateException when there is no such resource, or one of its kernels has the
   *     name of another
   */
  public synchronized void require(String source) {
    if (towers.containsKey(source)) {
      return;
    }
    PtSymbolBlock tower = module(manager, with(List.of(source)));
    towers.put(source, tower);
    for (String kernel : ScriptArchive.methods(source)) {
      if (ofTowers.put(kernel, tower) != null) {
        throw new IllegalStateException(
            "the kernel %s of %s has the name of another".formatted(kernel, source));
      }
    }
  }

  /** Builds of libtorch without oneDNN (macOS) do not know its operations. */
  private static boolean areKnown(List<String> oneDnn) {
    try (NDManager manager = Engine.getEngine("PyTorch").newBaseManager(Device.cpu());
        PtSymbolBlock alone = module(manager, oneDnn)) {
      return alone != null;
    } catch (EngineException e) {
      if (String.valueOf(e.getMessage()).contains("mkldnn")) {
        return false;
      }
      throw e;
    }
  }

  private static PtSymbolBlock module(NDManager manager, List<String> sources) {
    try (ByteArrayInputStream archive = new ByteArrayInputStream(ScriptArchive.pack(sources))) {
      return JniUtils.loadModule((PtNDManager) manager, archive, true, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---- the device

  /** Whether arrays are on a GPU. */
  public boolean isOnGpu() {
    return manager.getDevice().isGpu();
  }

  /**
   * Waits until the device has finished. A GPU is still working when a kernel returns, so this must
   * be called before reading a clock.
   */
  public void await() {
    if (isOnGpu()) {
      int status =
          NativeLibrary.getInstance("cudart")
              .getFunction("cudaDeviceSynchronize")
              .invokeInt(new Object[0]);
      if (status != 0) {
        throw new EngineException("the GPU failed: CUDA's error " + status);
      }
    }
  }

  /**
   * The GPU's free memory in bytes, after the engine has released what it keeps for later; empty on
   * a CPU.
   */
  public OptionalLong freeBytes() {
    if (!isOnGpu()) {
      return OptionalLong.empty();
    }
    JniUtils.emptyCudaCache();
    MemoryUsage memory = CudaUtils.getGpuMemory(manager.getDevice());
    return OptionalLong.of(memory.getMax() - memory.getUsed());
  }

  // ---- plain products, to measure what a machine can do

  /** {@code x w^T} with the BLAS behind matmul, in the arguments' own format. */
  public NDArray product(NDManager owner, NDArray x, NDArray w) {
    return array(owner, "product", x, w);
  }

  /** The same with the model's own products. */
  public NDArray modelProduct(NDManager owner, NDArray x, NDArray w) {
    return array(owner, "model_product", x, w);
  }

  // ---- optimizer

  /** L2 norm of all arrays together, float32; equal inputs give equal bits. */
  public double l2Norm(List<NDArray> arrays) {
    return arrays.isEmpty() ? 0 : Math.sqrt(squaredNorms(arrays)[0]);
  }

  /** A manager on the device, for views and intermediate values; the caller closes it. */
  public NDManager newManager() {
    return manager.newSubManager();
  }

  /** Elements of the pieces in which arrays are updated and squared, as in {@code optimizer.py}. */
  public long pieceLength() {
    return isOnGpu() ? 1 << 24 : 1 << 17;
  }

  /** Sums of squares of the pieces of all arrays, in order. */
  public float[] squaredSums(NDManager owner, List<NDArray> arrays) {
    if (arrays.isEmpty()) {
      return new float[0];
    }
    if (!isOnGpu()) {
      return SquareSum.ofPieces(arrays, Math.toIntExact(pieceLength()));
    }
    try (NDArray sums = array(owner, "squared_sums", arrays)) {
      return sums.toFloatArray();
    }
  }

  /** The sum that {@link #l2Norm} and the updates make of such sums. */
  public double totalOf(NDManager owner, float[] sums) {
    if (sums.length == 0) {
      return 0;
    }
    try (NDArray array = owner.create(sums)) {
      return number("total_of", array);
    }
  }

  /** The same of several arrays' sums, one array's after the other's. */
  public double totalOf(NDManager owner, List<float[]> sums) {
    float[] all = new float[sums.stream().mapToInt(part -> part.length).sum()];
    int at = 0;
    for (float[] part : sums) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return totalOf(owner, all);
  }

  /** As {@link #adam}, with the sums of squares of pieces: of the update, and of the parameters. */
  public List<float[]> adamSums(
      NDManager owner,
      List<NDArray> parameters,
      List<NDArray> gradients,
      List<NDArray> mus,
      List<NDArray> nus,
      AdamUpdate update) {
    if (parameters.isEmpty()) {
      return List.of(new float[0], new float[0]);
    }
    if (!isOnGpu()) {
      return CpuAdam.run(parameters, gradients, mus, nus, update, Math.toIntExact(pieceLength()));
    }
    try (GradientMode off = new GradientMode(false)) {
      List<float[]> sums = new ArrayList<>();
      for (NDArray kind :
          arrays(
              owner,
              "adam_sums",
              adamArguments(parameters, gradients, mus, nus, update, areFused(mus, update)))) {
        sums.add(kind.toFloatArray());
        kind.close();
      }
      return sums;
    }
  }

  /**
   * Squared L2 norms: first that of all arrays together, then each array's. They come from the
   * device in one transfer.
   *
   * @param arrays float32 on one device, at least one
   */
  public double[] squaredNorms(List<NDArray> arrays) {
    if (!isOnGpu()) {
      return norms(arrays);
    }
    try (NDManager scope = manager.newSubManager();
        NDArray norms = array(scope, "squared_norms", arrays)) {
      return norms.toDoubleArray();
    }
  }

  private double[] norms(List<NDArray> arrays) {
    try (NDManager scope = manager.newSubManager()) {
      float[] sums = squaredSums(scope, arrays);
      double[] norms = new double[1 + arrays.size()];
      norms[0] = totalOf(scope, sums);
      int at = 0;
      for (int i = 0; i < arrays.size(); i++) {
        int end = at + Math.toIntExact((arrays.get(i).size() + pieceLength() - 1) / pieceLength());
        norms[i + 1] = totalOf(scope, Arrays.copyOfRange(sums, at, end));
        at = end;
      }
      return norms;
    }
  }

  /**
   * Updates parameters and moments in place; gradients are not changed.
   *
   * @param parameters float32; the next three lists have the same length and shapes
   * @param mus first moments; may be bfloat16
   * @param nus second moments
   */
  public SquaredNorms adam(
      List<NDArray> parameters,
      List<NDArray> gradients,
      List<NDArray> mus,
      List<NDArray> nus,
      AdamUpdate update) {
    if (!isOnGpu()) {
      try (NDManager scope = newManager()) {
        List<float[]> sums = adamSums(scope, parameters, gradients, mus, nus, update);
        return new SquaredNorms(totalOf(scope, sums.get(0)), totalOf(scope, sums.get(1)));
      }
    }
    return adam(parameters, gradients, mus, nus, update, areFused(mus, update));
  }

  /** The same with libtorch's fused operation, or with single ones; for a GPU. */
  SquaredNorms adam(
      List<NDArray> parameters,
      List<NDArray> gradients,
      List<NDArray> mus,
      List<NDArray> nus,
      AdamUpdate update,
      boolean fused) {
    return norms("adam", adamArguments(parameters, gradients, mus, nus, update, fused));
  }

  /** Single operations take twice as many passes over memory. */
  private static boolean areFused(List<NDArray> mus, AdamUpdate update) {
    return update.rate() > 0 && mus.stream().allMatch(mu -> FloatArrays.type(mu) == Precision.F32);
  }

  private static Object[] adamArguments(
      List<NDArray> parameters,
      List<NDArray> gradients,
      List<NDArray> mus,
      List<NDArray> nus,
      AdamUpdate update,
      boolean fused) {
    return new Object[] {
      parameters,
      gradients,
      mus,
      nus,
      update.gradientScale(),
      update.beta1(),
      update.beta2(),
      update.epsilon(),
      1 - Math.pow(update.beta1(), (double) update.step()),
      1 - Math.pow(update.beta2(), (double) update.step()),
      update.rate(),
      update.decay(),
      update.step(),
      fused
    };
  }

  /**
   * Updates one parameter and its moments in place; the gradient is not changed.
   *
   * @param parameter float32, [R, C] or of any shape where {@code second} is not factored
   * @param momentum of the same shape, float32 or bfloat16; empty if none is kept
   * @param second float32: means of squares by row [R] and by column [C], or the second moment in
   *     the parameter's shape
   */
  public SquaredNorms adafactor(
      NDArray parameter,
      NDArray gradient,
      List<NDArray> momentum,
      List<NDArray> second,
      AdafactorUpdate update) {
    return !isOnGpu() && second.size() == 2
        ? CpuAdafactor.run(parameter, gradient, momentum, second.get(0), second.get(1), update)
        : scriptedAdafactor(parameter, gradient, momentum, second, update);
  }

  /** The same with libtorch's operations. */
  SquaredNorms scriptedAdafactor(
      NDArray parameter,
      NDArray gradient,
      List<NDArray> momentum,
      List<NDArray> second,
      AdafactorUpdate update) {
    return norms(
        "adafactor",
        parameter,
        gradient,
        momentum,
        second,
        update.gradientScale(),
        update.beta1(),
        update.beta2(),
        update.clip(),
        update.rate(),
        update.decay());
  }

  /** Runs an optimizer's kernel, which returns squared norms. */
  private SquaredNorms norms(String kernel, Object... arguments) {
    try (GradientMode off = new GradientMode(false);
        IValue norms = run(kernel, arguments)) {
      double[] squares = norms.toDoubleArray();
      return new SquaredNorms(squares[0], squares[1]);
    }
  }

  /** libtorch's code for a number format, as kernels expect it. */
  public static int dtype(Precision precision) {
    return precision == Precision.BF16 ? 15 : 6;
  }

  /** Runs a kernel that returns one array; it belongs to {@code owner}. */
  public NDArray array(NDManager owner, String kernel, Object... arguments) {
    try (IValue result = run(kernel, arguments)) {
      return result.toTensor((PtNDManager) owner);
    }
  }

  /** Runs a kernel that returns arrays; they belong to {@code owner}. */
  public List<NDArray> arrays(NDManager owner, String kernel, Object... arguments) {
    try (IValue result = run(kernel, arguments)) {
      return List.of(result.toTensorArray((PtNDManager) owner));
    }
  }

  /** Runs a kernel that returns a number. */
  double number(String kernel, Object... arguments) {
    try (IValue result = run(kernel, arguments)) {
      return result.toDouble();
    }
  }

  /** Runs a kernel for its side effects. */
  public void update(String kernel, Object... arguments) {
    run(kernel, arguments).close();
  }

  private IValue run(String kernel, Object... arguments) {
    // Set for each thread: the profiling executor would compute a kernel's first calls with other
    // bits.
    JniUtils.setGraphExecutorOptimize(false);
    List<IValue> values = new ArrayList<>(arguments.length);
    try {
      for (Object argument : arguments) {
        values.add(value(argument));
      }
      PtSymbolBlock owner = ofTowers.getOrDefault(kernel, module);
      return ScriptMethods.run(owner, kernel, values.toArray(new IValue[0]));
    } finally {
      values.forEach(IValue::close);
    }
  }

  private static IValue value(Object argument) {
    if (argument instanceof PtNDArray array) {
      return IValue.from(array);
    }
    if (argument instanceof List<?> list) {
      return IValue.listFrom(list.toArray(new PtNDArray[0]));
    }
    if (argument instanceof long[] numbers) {
      return IValue.listFrom(numbers);
    }
    if (argument instanceof Map<?, ?> map) {
      Map<String, PtNDArray> arrays = new LinkedHashMap<>();
      map.forEach((name, array) -> arrays.put((String) name, (PtNDArray) array));
      return IValue.stringMapFrom(arrays);
    }
    if (argument instanceof Double number) {
      return IValue.from(number.doubleValue());
    }
    if (argument instanceof Number number) {
      return IValue.from(number.longValue());
    }
    if (argument instanceof Boolean flag) {
      return IValue.from(flag.booleanValue());
    }
    throw new IllegalArgumentException("is not a kernel argument: " + argument);
  }

  @Override
  public void close() {
    towers.values().forEach(PtSymbolBlock::close);
    module.close();
    manager.close();
  }
}
