package dev.palimpsest.checkpoints.published;

import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.function.IntFunction;

/**
 * The values of a stored array with its axes in another order, from first to last. Two bounded
 * pieces of it are in memory at a time: a band, which is as much of the wanted outermost axis as
 * fits, in the stored order, and some rows of the band, in the wanted order.
 */
final class Rearranged implements ArrayMemory.Part {
  /** Elements of a band: 128 MiB, enough for any whole matrix of a 3B model. */
  static final int BAND = 1 << 25;

  /** Elements that are brought into the wanted order at a time: 4 MiB. */
  private static final int ROWS = 1 << 20;

  /** Side of the tiles in which axes are exchanged: a few cache lines. */
  private static final int TILE = 32;

  private final ArrayMemory.Part stored;
  private final long size;

  /** The wanted axes, outermost first: sizes, and strides within the stored array. */
  private final int[] sizes;

  private final long[] strides;

  /**
   * Product of the stored axes outside our outermost axis, and number of elements inside one index
   * of it.
   */
  private final long outer;

  private final int inner;

  private final int bandLength;
  private final IntFunction<float[]> memory;

  private float[] band = new float[0];
  private int bandStart;
  private int bandEnd;

  private final float[] rows;
  private int nextRow;
  private int given;
  private int made;

  /**
   * A view of a stored array.
   *
   * @param stored its values in its own order
   * @param axes sizes of its axes
   * @param order for each wanted axis, the stored axis that it is
   * @param limit elements in memory at a time
   * @param memory supplies the memory of a band: an array of at least the given length with
   *     arbitrary contents
   */
  Rearranged(
      ArrayMemory.Part stored, long[] axes, int[] order, int limit, IntFunction<float[]> memory) {
    this.stored = stored;
    this.size = Arrays.stream(axes).reduce(1, (a, b) -> a * b);
    this.memory = memory;
    long[] steps = new long[axes.length];
    long step = 1;
    for (int i = axes.length - 1; i >= 0; i--) {
      steps[i] = step;
      step *= axes[i];
    }
    sizes = new int[order.length];
    strides = new long[order.length];
    for (int i = 0; i < order.length; i++) {
      sizes[i] = Math.toIntExact(axes[order[i]]);
      strides[i] = steps[order[i]];
    }
    inner = Math.toIntExact(strides[0]);
    outer = size / ((long) sizes[0] * inner);
    long row = size / sizes[0];
    bandLength = (int) Math.max(1, Math.min(sizes[0], limit / row));
    rows = new float[Math.toIntExact(row * Math.max(1, Math.min(bandLength, ROWS / row)))];
  }

  @Override
  public void visit(long first, ByteBuffer target) {
    FloatBuffer values = target.asFloatBuffer();
    while (values.hasRemaining()) {
      if (given == made) {
        makeRows();
      }
      int n = Math.min(values.remaining(), made - given);
      values.put(rows, given, n);
      given += n;
    }
  }

  /** Brings the next rows into the wanted order. */
  private void makeRows() {
    if (nextRow == bandEnd) {
      readBand();
    }
    int row = (int) (size / sizes[0]);
    int count = Math.min(rows.length / row, bandEnd - nextRow);
    // Strides within the band, which is shorter than the array along the outermost axis.
    int[] lengths = sizes.clone();
    lengths[0] = count;
    int[] steps = new int[strides.length];
    for (int i = 0; i < steps.length; i++) {
      long whole = (long) sizes[0] * inner;
      steps[i] =
          (int) (strides[i] < whole ? strides[i] : strides[i] / sizes[0] * (bandEnd - bandStart));
    }
    exchange(lengths, steps, (nextRow - bandStart) * inner);
    nextRow += count;
    given = 0;
    made = count * row;
  }

  /** Reads the next indices of the wanted outermost axis. */
  private void readBand() {
    int length = Math.min(bandLength, sizes[0] - bandEnd);
    if (length < sizes[0] && bandEnd == 0 && outer > 1) {
      readThrough();
    }
    bandStart = bandEnd;
    bandEnd += length;
    int piece = length * inner;
    band = memory.apply(Math.toIntExact(piece * outer));
    for (int i = 0; i < outer; i++) {
      long from = ((long) i * sizes[0] + bandStart) * inner;
      read(from, band, i * piece, piece);
    }
  }

  /** Reads the whole array once in its own order, because disks are slow at many short pieces. */
  private void readThrough() {
    float[] some = new float[Math.min(ROWS, rows.length)];
    for (long at = 0; at < size; at += some.length) {
      read(at, some, 0, (int) Math.min(some.length, size - at));
    }
  }

  private void read(long from, float[] into, int at, int count) {
    // As bytes, because parts fill bytes.
    int most = Math.min(count, 1 << 16);
    ByteBuffer bytes = ByteBuffer.allocate(most * Float.BYTES).order(ByteOrder.nativeOrder());
    for (int done = 0; done < count; done += most) {
      int n = Math.min(most, count - done);
      stored.visit(from + done, bytes.clear().limit(n * Float.BYTES));
      bytes.clear().asFloatBuffer().get(into, at + done, n);
    }
  }

  /** Copies rows of the band, tile by tile of the two axes that are innermost in either order. */
  private void exchange(int[] lengths, int[] steps, int start) {
    int last = lengths.length - 1;
    int fast = 0; // the axis that is innermost in the stored order
    for (int i = 0; i < steps.length; i++) {
      if (lengths[fast] == 1 || (steps[i] < steps[fast] && lengths[i] > 1)) {
        fast = i;
      }
    }
    int[] wanted = new int[lengths.length];
    int step = 1;
    for (int i = last; i >= 0; i--) {
      wanted[i] = step;
      step *= lengths[i];
    }
    int[] index = new int[lengths.length];
    while (true) {
      int from = start;
      int to = 0;
      for (int i = 0; i < index.length; i++) {
        from += index[i] * steps[i];
        to += index[i] * wanted[i];
      }
      if (fast == last) {
        copy(from, steps[last], to, lengths[last]);
      } else {
        transpose(from, steps[fast], steps[last], to, wanted[fast], lengths[fast], lengths[last]);
      }
      int axis = last - 1;
      while (axis >= 0 && (axis == fast || ++index[axis] == lengths[axis])) {
        index[axis] = 0;
        axis--;
      }
      if (axis < 0) {
        return;
      }
    }
  }

  private void copy(int from, int step, int to, int count) {
    for (int i = 0; i < count; i++) {
      rows[to + i] = band[from + i * step];
    }
  }

  /** rows[to + i * rowStep + j] = band[from + i * fastStep + j * lastStep]. */
  private void transpose(
      int from, int fastStep, int lastStep, int to, int rowStep, int fast, int last) {
    for (int i0 = 0; i0 < fast; i0 += TILE) {
      int i1 = Math.min(fast, i0 + TILE);
      for (int j0 = 0; j0 < last; j0 += TILE) {
        int j1 = Math.min(last, j0 + TILE);
        for (int i = i0; i < i1; i++) {
          int source = from + i * fastStep;
          int target = to + i * rowStep;
          for (int j = j0; j < j1; j++) {
            rows[target + j] = band[source + j * lastStep];
          }
        }
      }
    }
  }
}
