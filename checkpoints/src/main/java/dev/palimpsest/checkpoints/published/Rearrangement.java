package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorOutput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How a foreign array's axes become ours, written as {@code h d k -> (h k) d}: axes are reordered,
 * those in brackets become one. An axis {@code 1} on the left is dropped.
 *
 * @param from foreign axes, outermost first
 * @param to our axes, each made of one or more foreign ones
 */
record Rearrangement(List<String> from, List<List<String>> to) {
  /** Same axes, whatever they are. */
  static final Rearrangement NONE = new Rearrangement(List.of(), List.of());

  /** Elements that are put in foreign order at once: 16 MiB. */
  private static final int CHUNK = 1 << 22;

  /** Columns of them that are moved together: 64 bytes, what a processor fetches at once. */
  private static final int TILE = 16;

  static Rearrangement parse(String text) {
    String[] sides = text.split("->");
    List<List<String>> to = new ArrayList<>();
    for (String axis : sides[1].strip().split(" (?![^(]*\\))")) {
      to.add(List.of(axis.replaceAll("[()]", "").split(" ")));
    }
    return new Rearrangement(List.of(sides[0].strip().split(" ")), to);
  }

  /**
   * The foreign shape of an array of ours.
   *
   * @param sizes sizes of those axes that are merged in ours
   */
  Shape foreign(Shape ours, Map<String, Integer> sizes) {
    if (equals(NONE)) {
      return ours;
    }
    long[] shape = new long[from.size()];
    for (int i = 0; i < shape.length; i++) {
      String axis = from.get(i);
      int single = to.indexOf(List.of(axis));
      if (axis.equals("1")) {
        shape[i] = 1;
      } else if (single >= 0) {
        shape[i] = ours.get(single);
      } else {
        shape[i] = Objects.requireNonNull(sizes.get(axis), axis);
      }
    }
    return new Shape(shape);
  }

  /** Whether elements lie in another order, and not only under another shape. */
  boolean moves() {
    int[] order = order();
    for (int i = 0; i < order.length; i++) {
      if (order[i] != i) {
        return true;
      }
    }
    return false;
  }

  /** The array in our axes; a new array in its manager. */
  NDArray toOurs(NDArray array, Shape ours) {
    try (NDArray axes = array.reshape(withoutOnes(array.getShape()));
        NDArray reordered = axes.transpose(order());
        // By way of one dimension, which no transposed view has: kernels want contiguous memory.
        NDArray flat = reordered.reshape(array.size())) {
      return flat.reshape(ours);
    }
  }

  /**
   * Writes an array's elements in foreign order: tile by tile, so that little of it is in memory at
   * once, whatever its size.
   *
   * @param ours the array, float32
   * @param foreign shape of what is written
   */
  void writeForeign(TensorOutput out, TensorBytes ours, Shape foreign) {
    long[] sizes = withoutOnes(foreign).getShape();
    long[] strides = strides(sizes);
    int along = 0; // the foreign axis whose elements lie side by side in ours
    while (strides[along] != 1) {
      along++;
    }
    long inner = 1;
    for (int i = along + 1; i < sizes.length; i++) {
      inner = Math.multiplyExact(inner, sizes[i]);
    }
    int columns = Math.toIntExact(inner);
    int rows = (int) Math.max(1, Math.min(sizes[along], CHUNK / columns));
    float[] chunk = new float[Math.multiplyExact(rows, columns)];
    float[] tile = new float[Math.multiplyExact(rows, TILE)];
    Walk outer = new Walk(sizes, strides, 0, along);
    do {
      for (long from = 0; from < sizes[along]; from += rows) {
        int n = (int) Math.min(rows, sizes[along] - from);
        Walk within = new Walk(sizes, strides, along + 1, sizes.length);
        for (int column = 0; column < columns; column += TILE) {
          int width = Math.min(TILE, columns - column);
          for (int c = 0; c < width; c++) {
            ours.readFloats(outer.offset + from + within.offset, tile, c * n, n);
            within.next();
          }
          for (int row = 0; row < n; row++) {
            int target = row * columns + column;
            for (int c = 0; c < width; c++) {
              chunk[target + c] = tile[c * n + row];
            }
          }
        }
        out.write(chunk, n * columns);
      }
    } while (outer.next());
  }

  /** Distance in ours, in elements, of neighbours along each foreign axis. */
  private long[] strides(long[] sizes) {
    int[] order = order();
    long[] strides = new long[order.length];
    long stride = 1;
    for (int i = order.length - 1; i >= 0; i--) {
      strides[order[i]] = stride;
      stride *= sizes[order[i]];
    }
    return strides;
  }

  /** Goes through the elements of some foreign axes in order, the last one fastest. */
  private static final class Walk {
    private final long[] sizes;
    private final long[] strides;
    private final int first;
    private final int end;
    private final long[] index;

    /** Where the element lies in ours. */
    private long offset;

    Walk(long[] sizes, long[] strides, int first, int end) {
      this.sizes = sizes;
      this.strides = strides;
      this.first = first;
      this.end = end;
      this.index = new long[sizes.length];
    }

    /** False, and at the first element again, after the last one. */
    boolean next() {
      for (int axis = end - 1; axis >= first; axis--) {
        offset += strides[axis];
        if (++index[axis] < sizes[axis]) {
          return true;
        }
        offset -= strides[axis] * sizes[axis];
        index[axis] = 0;
      }
      return false;
    }
  }

  /** Position in {@link #from}, ones left out, of each axis of {@link #to} from the left. */
  private int[] order() {
    List<String> axes = from.stream().filter(a -> !a.equals("1")).toList();
    return to.stream().flatMap(List::stream).mapToInt(axes::indexOf).toArray();
  }

  /**
   * Where the elements of a foreign array lie in ours, in runs of equal distance.
   *
   * @param sizes the foreign axes' sizes; neighbours whose elements are equally far apart are one
   * @param strides distance in ours, in elements, of neighbours along each of them
   */
  record Runs(long[] sizes, long[] strides) {
    /** Index in ours of an element whose foreign index is given. */
    long ours(long foreign) {
      long at = 0;
      for (int i = sizes.length - 1; i >= 0; i--) {
        at += foreign % sizes[i] * strides[i];
        foreign /= sizes[i];
      }
      return at;
    }

    /** Elements from a foreign index on to the end of its run. */
    long left(long foreign) {
      long run = sizes[sizes.length - 1];
      return run - foreign % run;
    }

    /** Distance in ours of neighbours within a run. */
    long stride() {
      return strides[strides.length - 1];
    }
  }

  /** Where the elements of a foreign array lie in ours. */
  Runs runs(Shape foreign) {
    if (equals(NONE)) {
      return new Runs(new long[] {foreign.size()}, new long[] {1});
    }
    long[] sizes = withoutOnes(foreign).getShape();
    long[] strides = strides(sizes);
    int last = 0;
    for (int i = 1; i < sizes.length; i++) {
      boolean joined = strides[last] == sizes[i] * strides[i];
      long size = joined ? sizes[last] * sizes[i] : sizes[i];
      last += joined ? 0 : 1;
      sizes[last] = size;
      strides[last] = strides[i];
    }
    return new Runs(Arrays.copyOf(sizes, last + 1), Arrays.copyOf(strides, last + 1));
  }

  private Shape withoutOnes(Shape foreign) {
    int[] kept = new int[from.size()];
    int n = 0;
    for (int i = 0; i < kept.length; i++) {
      if (!from.get(i).equals("1")) {
        kept[n++] = i;
      }
    }
    return new Shape(Arrays.stream(kept, 0, n).mapToLong(foreign::get).toArray());
  }
}
