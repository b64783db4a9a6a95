package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.mixtures.ExampleBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Columns of a batch as arrays, which belong to the given manager. */
final class BatchArrays {
  private BatchArrays() {}

  /** float32 [B, F, S, S, 3]. */
  static NDArray images(NDManager manager, ExampleBatch batch) {
    Shape shape =
        new Shape(
            batch.size(), batch.imagesPerExample(), batch.resolution(), batch.resolution(), 3);
    return shape.size() == 0
        ? manager.zeros(shape)
        : manager.create(batch.images(), shape, DataType.FLOAT32);
  }

  /** int64 [B, columns]. */
  static NDArray integers(NDManager manager, ExampleBatch batch, ByteBuffer column) {
    int[] values = values(column);
    long[] wide = new long[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return manager.create(wide, new Shape(batch.size(), batch.textColumns()));
  }

  /** A column's numbers, row-major. */
  static int[] values(ByteBuffer column) {
    int[] values = new int[column.remaining() / Integer.BYTES];
    column.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
    return values;
  }
}
