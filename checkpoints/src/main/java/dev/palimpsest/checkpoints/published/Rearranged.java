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
 * fits, in the wanted order, and a part of the band in the stored order, on its way there.
 */
final class Rearranged implements ArrayMemory.Part {
  /** Elements of a band: 128 MiB, enough for any whole matrix of a 3B model. */
  static final int BAND = 1 << 25;

  /** Elements that are brought into the wanted order at a time: 4 MiB. */
  private static final int PART = 1 << 20;

  /** Elements that are read from the source at a time: 64 KiB, which stay in a core's cache. */
  private static final int PIECE = 1 << 14;

  /**
   * Neighbours that a tile takes in the stored order and gives in the wanted one. A step to another
   * row costs as much as many elements of the same row, in reading as in writing.
   */
  private static final int TAKEN = 128;

  private static final int GIVEN = 64;

  private final ArrayMemory.Part stored;
  private final int[] order;

  /** Sizes of the stored axes, and in how many elements of the array one index of the outermost. */
  private final long[] axes;

  private final long size;

  /** Length of the wanted outermost axis, and number of elements inside one stored index of it. */
  private final int rows;

  private final long inner;

  private final int bandLength;
  private final IntFunction<float[]> memory;
  private final float[] part;
  private final ByteBuffer piece;
  private final float[] tile = new float[TAKEN * GIVEN];

  private float[] band = new float[0];
  private int bandStart;
  private int bandEnd;
  private int made; // elements in the band
  private int given;

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
    this.axes = axes.clone();
    this.order = order.clone();
    this.memory = memory;
    size = product(axes, 0);
    rows = Math.toIntExact(axes[order[0]]);
    inner = product(axes, order[0] + 1);
    bandLength = (int) Math.max(1, Math.min(rows, limit / (size / rows)));
    part = new float[(int) Math.min(size, PART)];
    piece =
        ByteBuffer.allocateDirect(Math.min(part.length, PIECE) * Float.BYTES)
            .order(ByteOrder.nativeOrder());
  }

  private static long product(long[] axes, int from) {
    return Arrays.stream(axes, from, axes.length).reduce(1, (a, b) -> a * b);
  }

  @Override
  public void visit(long first, ByteBuffer target) {
    FloatBuffer values = target.asFloatBuffer();
    while (values.hasRemaining()) {
      if (given == made) {
        makeBand();
      }
      int n = Math.min(values.remaining(), made - given);
      values.put(band, given, n);
      given += n;
    }
  }

  /** Reads the next indices of the wanted outermost axis. */
  private void makeBand() {
    int length = Math.min(bandLength, rows - bandEnd);
    if (length < rows && bandEnd == 0 && order[0] > 0) {
      readThrough();
    }
    bandStart = bandEnd;
    bandEnd += length;
    int last = axes.length - 1;
    int[] lengths = Arrays.stream(axes).mapToInt(Math::toIntExact).toArray();
    lengths[order[0]] = length;
    int[] steps = new int[axes.length]; // in the band, by stored axis
    int step = 1;
    for (int i = last; i >= 0; i--) {
      steps[order[i]] = step;
      step = Math.multiplyExact(step, lengths[order[i]]);
    }
    made = step;
    given = 0;
    band = memory.apply(made);
    int cut = last; // the axis of which a part has several indices, and all that is inside them
    int inside = 1;
    while (cut > 0 && (long) inside * lengths[cut] <= part.length) {
      inside *= lengths[cut];
      cut--;
    }
    int most = part.length / inside;
    int[] index = new int[axes.length];
    for (int at = 0; at < made; ) {
      int count = Math.min(most, lengths[cut] - index[cut]);
      read(at, count * inside);
      int to = 0;
      for (int axis = 0; axis <= cut; axis++) {
        to += index[axis] * steps[axis];
      }
      place(cut, count, lengths, steps, to);
      at += count * inside;
      index[cut] += count;
      for (int axis = cut; axis > 0 && index[axis] == lengths[axis]; axis--) {
        index[axis] = 0;
        index[axis - 1]++;
      }
    }
  }

  /** Reads the whole array once in its own order, because disks are slow at many short pieces. */
  private void readThrough() {
    for (long at = 0; at < size; at += PIECE) {
      stored.visit(at, piece.clear().limit((int) Math.min(PIECE, size - at) * Float.BYTES));
    }
  }

  /** Reads a part of the band in the stored order, where it is in pieces within the array. */
  private void read(int first, int count) {
    long together = (bandEnd - bandStart) * inner;
    int n;
    for (int done = 0; done < count; done += n) {
      long at = (long) first + done;
      n = (int) Math.min(Math.min(PIECE, count - done), together - at % together);
      long from = (at / together * rows + bandStart) * inner + at % together;
      stored.visit(from, piece.clear().limit(n * Float.BYTES));
      piece.clear().asFloatBuffer().get(part, done, n);
    }
  }

  /** Copies a part of some indices of an axis, and of all axes inside it, to its place. */
  private void place(int cut, int count, int[] axisLengths, int[] steps, int start) {
    int last = axisLengths.length - 1;
    int[] lengths = axisLengths.clone();
    lengths[cut] = count;
    int[] within = new int[lengths.length]; // steps in the part
    int step = 1;
    for (int axis = last; axis >= cut; axis--) {
      within[axis] = step;
      step *= lengths[axis];
    }
    int wanted = order[last];
    boolean both = wanted >= cut && wanted < last;
    int[] index = new int[lengths.length];
    while (true) {
      int from = 0;
      int to = start;
      for (int axis = cut; axis <= last; axis++) {
        from += index[axis] * within[axis];
        to += index[axis] * steps[axis];
      }
      if (both) {
        transpose(from, within[wanted], to, steps[last], lengths[last], lengths[wanted]);
      } else {
        spread(from, to, steps[last], lengths[last]);
      }
      int axis = last - 1;
      while (axis >= cut && ((both && axis == wanted) || ++index[axis] == lengths[axis])) {
        index[axis] = 0;
        axis--;
      }
      if (axis < cut) {
        return;
      }
    }
  }

  private void spread(int from, int to, int step, int count) {
    for (int i = 0; i < count; i++) {
      band[to + i * step] = part[from + i];
    }
  }

  /** band[to + i * bandStep + j] = part[from + i + j * partStep]. */
  private void transpose(int from, int partStep, int to, int bandStep, int height, int width) {
    for (int i0 = 0; i0 < height; i0 += TAKEN) {
      int taken = Math.min(TAKEN, height - i0);
      for (int j0 = 0; j0 < width; j0 += GIVEN) {
        int gives = Math.min(GIVEN, width - j0);
        for (int j = 0; j < gives; j++) {
          System.arraycopy(part, from + i0 + (j0 + j) * partStep, tile, j * TAKEN, taken);
        }
        for (int i = 0; i < taken; i++) {
          int target = to + (i0 + i) * bandStep + j0;
          for (int j = 0; j < gives; j++) {
            band[target + j] = tile[j * TAKEN + i];
          }
        }
      }
    }
  }
}
