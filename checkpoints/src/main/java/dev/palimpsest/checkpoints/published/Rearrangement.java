package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * How a foreign array's axes become ours, written as {@code h d k -> (h k) d}: axes are reordered,
 * those in parentheses are merged. An axis {@code 1} on the left is dropped.
 *
 * @param from foreign axes, outermost first
 * @param to our axes, each of one or more foreign axes
 */
record Rearrangement(List<String> from, List<List<String>> to) {
  /** Keeps all axes. */
  static final Rearrangement NONE = new Rearrangement(List.of(), List.of());

  static Rearrangement parse(String text) {
    String[] sides = text.split("->");
    List<List<String>> to = new ArrayList<>();
    for (String axis : sides[1].strip().split(" (?![^(]*\\))")) {
      to.add(List.of(axis.replaceAll("[()]", "").split(" ")));
    }
    return new Rearrangement(List.of(sides[0].strip().split(" ")), to);
  }

  /**
   * The foreign shape of one of our arrays.
   *
   * @param sizes sizes of the axes that are merged in ours
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

  /** Whether the order of elements differs, and not only the shape. */
  boolean moves() {
    int[] order = order();
    for (int i = 0; i < order.length; i++) {
      if (order[i] != i) {
        return true;
      }
    }
    return false;
  }

  /** The values of a foreign array in our order. */
  Rearranged ours(ArrayMemory.Part stored, Shape foreign, IntFunction<float[]> memory) {
    return new Rearranged(stored, axes(foreign), order(), Rearranged.BAND, memory);
  }

  /** The values of one of our arrays in foreign order. */
  Rearranged foreign(ArrayMemory.Part ours, Shape foreign, IntFunction<float[]> memory) {
    long[] axes = axes(foreign);
    int[] order = order();
    long[] split = new long[order.length];
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      split[i] = axes[order[i]];
      back[order[i]] = i;
    }
    return new Rearranged(ours, split, back, Rearranged.BAND, memory);
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

  /** Position in {@link #from}, ones left out, of each axis of {@link #to} from the left. */
  private int[] order() {
    List<String> axes = from.stream().filter(a -> !a.equals("1")).toList();
    return to.stream().flatMap(List::stream).mapToInt(axes::indexOf).toArray();
  }

  /**
   * The positions in our array of a foreign array's elements, in runs of equal distance.
   *
   * @param sizes the foreign axes' sizes; neighbours whose elements are equally far apart are one
   * @param strides distance in ours, in elements, of neighbours along each of them
   */
  record Runs(long[] sizes, long[] strides) {
    /** Our index of an element with a given foreign index. */
    long ours(long foreign) {
      long at = 0;
      for (int i = sizes.length - 1; i >= 0; i--) {
        at += foreign % sizes[i] * strides[i];
        foreign /= sizes[i];
      }
      return at;
    }

    /** Number of elements from a foreign index to the end of its run. */
    long left(long foreign) {
      long run = sizes[sizes.length - 1];
      return run - foreign % run;
    }

    /** Distance in our array between neighbours within a run. */
    long stride() {
      return strides[strides.length - 1];
    }
  }

  /** The positions in our array of a foreign array's elements. */
  Runs runs(Shape foreign) {
    if (equals(NONE)) {
      return new Runs(new long[] {foreign.size()}, new long[] {1});
    }
    long[] sizes = axes(foreign);
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

  /** Sizes of a foreign array's axes, without axes of size 1. */
  private long[] axes(Shape foreign) {
    return IntStream.range(0, from.size())
        .filter(i -> !from.get(i).equals("1"))
        .mapToLong(foreign::get)
        .toArray();
  }
}
