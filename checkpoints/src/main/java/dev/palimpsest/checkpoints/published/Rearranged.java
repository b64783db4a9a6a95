package dev.palimpsest.checkpoints.published;

import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * The values of a stored array with its axes in another order, from first to last. Two bounded
 * pieces of it are in memory at a time: a band, which is as much of the wanted outermost axis as
 * fits, in the wanted order, and for each thread a part of it in the stored order, on its way
 * there.
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
  private final int most; // elements of a part
  private final Queue<Workspace> idle = new ConcurrentLinkedQueue<>();

  /** What a thread needs to bring elements into the wanted order. */
  private static final class Workspace {
    final float[] values;
    final float[] tile = new float[TAKEN * GIVEN];
    final ByteBuffer piece =
        ByteBuffer.allocateDirect(PIECE * Float.BYTES).order(ByteOrder.nativeOrder());

    Workspace(int elements) {
      values = new float[elements];
    }
  }

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
    most = (int) Math.min(size, PART);
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
    while (cut > 0 && (long) inside * lengths[cut] <= most) {
      inside *= lengths[cut];
      cut--;
    }
    fill(lengths, steps, cut, inside);
  }

  /** Makes all parts of a band, by as many threads as there are in the pool of this one. */
  private void fill(int[] lengths, int[] steps, int cut, int inside) {
    int together = Math.min(most / inside, lengths[cut]); // indices of the axis
    int along = (lengths[cut] + together - 1) / together; // parts
    IntStream.range(0, made / inside / lengths[cut] * along)
        .parallel()
        .forEach(
            number -> {
              int first = number % along * together;
              int count = Math.min(together, lengths[cut] - first);
              int outside = number / along;
              int to = first * steps[cut];
              int rest = outside;
              for (int axis = cut - 1; axis >= 0; axis--) {
                to += rest % lengths[axis] * steps[axis];
                rest /= lengths[axis];
              }
              Workspace free = idle.poll();
              Workspace work = free == null ? new Workspace(most) : free;
              read(work, (outside * lengths[cut] + first) * inside, count * inside);
              place(work, cut, count, lengths, steps, to);
              idle.add(work);
            });
  }

  /** Reads the whole array once in its own order, because disks are slow at many short pieces. */
  private void readThrough() {
    ByteBuffer piece = new Workspace(0).piece;
    for (long at = 0; at < size; at += PIECE) {
      stored.visit(at, piece.clear().limit((int) Math.min(PIECE, size - at) * Float.BYTES));
    }
  }

  /** Reads a part of the band in the stored order, where it is in pieces within the array. */
  private void read(Workspace work, int first, int count) {
    long together = (bandEnd - bandStart) * inner;
    int n;
    for (int done = 0; done < count; done += n) {
      long at = (long) first + done;
      n = (int) Math.min(Math.min(PIECE, count - done), together - at % together);
      long from = (at / together * rows + bandStart) * inner + at % together;
      stored.visit(from, work.piece.clear().limit(n * Float.BYTES));
      work.piece.clear().asFloatBuffer().get(work.values, done, n);
    }
  }

  /** Copies a part of some indices of an axis, and of all axes inside it, to its place. */
  private void place(
      Workspace work, int cut, int count, int[] axisLengths, int[] steps, int start) {
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
        transpose(work, from, within[wanted], to, steps[last], lengths[last], lengths[wanted]);
      } else {
        spread(work, from, to, steps[last], lengths[last]);
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

  private void spread(Workspace work, int from, int to, int step, int count) {
    for (int i = 0; i < count; i++) {
      band[to + i * step] = work.values[from + i];
    }
  }

  /** band[to + i * bandStep + j] = part[from + i + j * partStep]. */
  private void transpose(
      Workspace work, int from, int partStep, int to, int bandStep, int height, int width) {
    float[] tile = work.tile;
    for (int i0 = 0; i0 < height; i0 += TAKEN) {
      int taken = Math.min(TAKEN, height - i0);
      for (int j0 = 0; j0 < width; j0 += GIVEN) {
        int gives = Math.min(GIVEN, width - j0);
        for (int j = 0; j < gives; j++) {
          System.arraycopy(work.values, from + i0 + (j0 + j) * partStep, tile, j * TAKEN, taken);
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
