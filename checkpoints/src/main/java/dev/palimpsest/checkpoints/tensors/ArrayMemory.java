package dev.palimpsest.checkpoints.tensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * Access to the memory of float32 arrays without copying. Large arrays are accessed in parts,
 * because a buffer has at most 2^31-1 bytes.
 */
public final class ArrayMemory {
  /** Elements per part: 1 GiB. */
  private static final long PART = 1L << 28;

  private ArrayMemory() {}

  /** Processes a part of an array. */
  @FunctionalInterface
  public interface Part {
    /**
     * Reads or fills.
     *
     * @param first index of the part's first element in the array
     * @param memory float32 in native order; valid during the call only
     */
    void visit(long first, ByteBuffer memory);
  }

  /** Creates an array in the manager, on its device; {@code fill} writes every element. */
  public static NDArray create(NDManager manager, Shape shape, Part fill) {
    NDArray array = manager.create(shape, DataType.FLOAT32, Device.cpu());
    visit(array, fill, PART);
    if (manager.getDevice().equals(Device.cpu())) {
      return array;
    }
    try (array) {
      return array.toDevice(manager.getDevice(), true);
    }
  }

  /**
   * Visits the elements of a contiguous array in order, or copies of them if it is on another
   * device.
   */
  public static void visit(NDArray array, Part part) {
    visit(array, part, PART);
  }

  public static void visit(NDArray array, Part part, long length) {
    if (array.size() == 0) {
      return;
    }
    try (NDManager scope = array.getManager().newSubManager();
        NDArray flat = array.reshape(array.size())) {
      for (long at = 0; at < array.size(); at += length) {
        long end = Math.min(array.size(), at + length);
        NDArray slice = flat.get(new NDIndex("{}:{}", at, end));
        slice.attach(scope);
        NDArray onCpu = slice.toDevice(Device.cpu(), false);
        part.visit(at, onCpu.toByteBuffer(true));
        if (onCpu != slice) {
          onCpu.close();
        }
        slice.close();
      }
    }
  }

  /** Takes the elements of a contiguous array on the CPU, from the first on. */
  static WritableByteChannel channel(NDArray array) {
    TensorBytes.InMemory memory = TensorBytes.of(array);
    return new WritableByteChannel() {
      private long at;

      @Override
      public int write(ByteBuffer bytes) {
        int n = bytes.remaining();
        memory.replace(at, bytes);
        at += n;
        return n;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }
}
