package dev.palimpsest.model.kernels;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.Buffer;
import java.util.function.Function;

/**
 * Arrays of values in Java's memory. A GPU receives them by way of pinned memory, so that this
 * thread does not wait for what the GPU still has to compute; on the CPU they are the engine's own.
 */
public final class Uploads {
  private Uploads() {}

  /** Numbers in a row, int64 in {@code owner}. */
  public static NDArray of(NDManager owner, long[] values) {
    return of(owner, values, new Shape(values.length));
  }

  /** Numbers, int64 in {@code owner}. */
  public static NDArray of(NDManager owner, long[] values, Shape shape) {
    return of(owner, manager -> manager.create(values, shape));
  }

  /** Numbers in a row, float32 in {@code owner}. */
  public static NDArray of(NDManager owner, float[] values) {
    return of(owner, manager -> manager.create(values));
  }

  /**
   * What a buffer holds, in {@code owner}.
   *
   * @param values on the CPU the array may share their memory
   */
  public static NDArray of(NDManager owner, Buffer values, Shape shape, DataType type) {
    return of(owner, manager -> manager.create(values, shape, type));
  }

  private static NDArray of(NDManager owner, Function<NDManager, NDArray> made) {
    if (owner.getDevice().equals(Device.cpu())) {
      return made.apply(owner);
    }
    try (NDManager host = owner.newSubManager(Device.cpu())) {
      return FloatArrays.uploaded(owner, made.apply(host));
    }
  }
}
