package dev.palimpsest.model.kernels;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.ScriptMethods;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import dev.palimpsest.configs.Precision;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Operations on arrays of float32 and bfloat16 that the engine does not offer: its own calls end
 * the process when they are asked for an array of bfloat16, call its type unknown, and cannot map
 * files.
 */
public final class FloatArrays {
  private FloatArrays() {}

  /**
   * An array's type.
   *
   * @throws IllegalArgumentException when it is neither float32 nor bfloat16
   */
  public static Precision type(NDArray array) {
    return switch (array.getDataType()) {
      case FLOAT32 -> Precision.F32;
      case UNKNOWN, BFLOAT16 -> Precision.BF16;
      default -> throw new IllegalArgumentException("is an array of " + array.getDataType());
    };
  }

  /** Zeros in the manager, on its device. */
  public static NDArray zeros(NDManager manager, Shape shape, Precision type) {
    if (type == Precision.F32) {
      return manager.zeros(shape);
    }
    try (NDArray like = manager.create(new Shape(0));
        IValue there = IValue.from((PtNDArray) like);
        IValue dimensions = IValue.listFrom(shape.getShape());
        IValue dtype = IValue.from((long) Kernels.dtype(type))) {
      return run((PtNDManager) manager, "zeros", there, dimensions, dtype);
    }
  }

  /** A copy in the manager, on its device, in a number format. */
  public static NDArray converted(NDManager manager, NDArray array, Precision type) {
    return converted(manager, manager.getDevice(), array, type);
  }

  /** A copy in its own number format, in the manager, on a device. */
  public static NDArray copy(NDManager manager, Device device, NDArray array) {
    return converted(manager, device, array, type(array));
  }

  private static NDArray converted(
      NDManager manager, Device device, NDArray array, Precision type) {
    try (NDArray like = manager.create(new Shape(0), DataType.FLOAT32, device);
        IValue there = IValue.from((PtNDArray) like);
        IValue from = IValue.from((PtNDArray) array);
        IValue dtype = IValue.from((long) Kernels.dtype(type))) {
      return run((PtNDManager) manager, "converted", from, there, dtype);
    }
  }

  /** A copy of an array of the computer's memory, of any type; see {@link Uploads}. */
  static NDArray uploaded(NDManager owner, NDArray array) {
    try (NDArray like = owner.create(new Shape(0), array.getDataType());
        IValue there = IValue.from((PtNDArray) like);
        IValue from = IValue.from((PtNDArray) array)) {
      return run((PtNDManager) owner, "uploaded", from, there);
    }
  }

  /** Copies values from one array into another of the same shape, of of either type. */
  public static void assign(NDArray to, NDArray from) {
    try (IValue target = IValue.from((PtNDArray) to);
        IValue source = IValue.from((PtNDArray) from)) {
      ScriptMethods.run(Module.ARRAYS, "assign", new IValue[] {target, source}).close();
    }
  }

  /**
   * Adds to a sum.
   *
   * @param sum changed in place; if it is zeros without memory, it becomes the added array
   * @param place where the sum is to be then; null: it shares the added array's memory
   */
  public static void accumulate(NDArray sum, NDArray added, @Nullable NDArray place) {
    try (IValue target = IValue.from((PtNDArray) sum);
        IValue source = IValue.from((PtNDArray) added);
        IValue places = list(place)) {
      ScriptMethods.run(Module.ARRAYS, "accumulate", new IValue[] {target, source, places}).close();
    }
  }

  /**
   * Gives zeros without memory some, so that they can be changed; leaves others alone.
   *
   * @param place the memory; null: their own
   */
  public static void settle(NDArray array, @Nullable NDArray place) {
    try (IValue target = IValue.from((PtNDArray) array);
        IValue places = list(place)) {
      ScriptMethods.run(Module.ARRAYS, "settle", new IValue[] {target, places}).close();
    }
  }

  /** Makes an array zeros without memory. */
  public static void release(NDArray array) {
    try (IValue target = IValue.from((PtNDArray) array)) {
      ScriptMethods.run(Module.ARRAYS, "release", new IValue[] {target}).close();
    }
  }

  private static IValue list(@Nullable NDArray array) {
    return IValue.listFrom(array == null ? new PtNDArray[0] : new PtNDArray[] {(PtNDArray) array});
  }

  /** The beginning of a file as a flat array; see {@link MappedFile}. */
  static NDArray mapped(NDManager owner, Path file, boolean shared, long elements, Precision type) {
    try (IValue path = IValue.from(file.toString());
        IValue written = IValue.from(shared);
        IValue length = IValue.from(elements);
        IValue dtype = IValue.from((long) Kernels.dtype(type))) {
      return run((PtNDManager) owner, "mapped", path, written, length, dtype);
    }
  }

  /** The place of an array's first element; the array is flat, and on the CPU. */
  static Pointer address(NDArray flat) {
    try (NDArray first = flat.get(new NDIndex("0:1"))) {
      return Native.getDirectBufferPointer(first.toByteBuffer(true));
    }
  }

  private static NDArray run(PtNDManager owner, String kernel, IValue... arguments) {
    try (IValue array = ScriptMethods.run(Module.ARRAYS, kernel, arguments)) {
      return array.toTensor(owner);
    }
  }

  /** Loaded when first used, and kept until the process ends. */
  private static final class Module {
    static final PtSymbolBlock ARRAYS = load();

    private static PtSymbolBlock load() {
      NDManager manager = Engine.getEngine("PyTorch").newBaseManager(Device.cpu());
      try (ByteArrayInputStream archive =
          new ByteArrayInputStream(ScriptArchive.pack(List.of("arrays.py")))) {
        return JniUtils.loadModule((PtNDManager) manager, archive, true, false);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
