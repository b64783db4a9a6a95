package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
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

  /** The array's elements in foreign order; a new array of one axis in its manager. */
  NDArray toForeign(NDArray ours, Shape foreign) {
    Shape axes = withoutOnes(foreign);
    int[] order = order();
    long[] reordered = new long[order.length];
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      reordered[i] = axes.get(order[i]);
      back[order[i]] = i;
    }
    try (NDArray split = ours.reshape(new Shape(reordered));
        NDArray original = split.transpose(back)) {
      return original.reshape(foreign.size());
    }
  }

  /** Position in {@link #from}, ones left out, of each axis of {@link #to} from the left. */
  private int[] order() {
    List<String> axes = from.stream().filter(a -> !a.equals("1")).toList();
    return to.stream().flatMap(List::stream).mapToInt(axes::indexOf).toArray();
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
