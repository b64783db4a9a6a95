package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.types.Shape;

/**
 * A file's description of a tensor, without its data.
 *
 * @param name name in the file
 * @param type number format in the file
 * @param shape dimensions, outermost first; elements lie in row-major order
 */
public record TensorInfo(String name, ElementType type, Shape shape) {
  /** Number of elements. */
  public long elements() {
    return shape.size();
  }

  /** Bytes in the file. */
  public long byteSize() {
    return shape.size() * type.bytes();
  }

  /**
   * A shape from the dimensions in a file, or the reason why they are invalid: a negative one, or a
   * total number of bytes beyond 2^63.
   */
  static Shape checkedShape(long[] dimensions, ElementType type) throws ArithmeticException {
    long bytes = type.bytes();
    for (long d : dimensions) {
      if (d < 0) {
        throw new ArithmeticException("negative dimension " + d);
      }
      bytes = Math.multiplyExact(bytes, d);
    }
    return new Shape(dimensions);
  }
}
