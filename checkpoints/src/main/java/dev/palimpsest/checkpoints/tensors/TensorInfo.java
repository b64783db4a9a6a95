package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.types.Shape;

/**
 * What a file says of a tensor before its data is touched.
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
   * A shape from the dimensions a file states, or the reason why they cannot be: a negative one, or
   * a product of bytes beyond 2^63.
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
