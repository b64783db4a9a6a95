package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Named float32 arrays in a fixed order: a model's parameters, their gradients, or a moment of the
 * optimizer. Names and shapes are those of {@code ParameterSpecs}. All arrays live in the manager
 * given at construction; closing this closes that manager.
 */
public final class Parameters implements AutoCloseable {
  private final NDManager manager;
  private final Map<String, NDArray> arrays;

  /**
   * Takes ownership of the arrays.
   *
   * @param manager a manager that holds these arrays and nothing else
   * @param arrays float32, in the order of {@code ParameterSpecs}
   */
  public Parameters(NDManager manager, Map<String, NDArray> arrays) {
    this.manager = manager;
    this.arrays = Collections.unmodifiableMap(new LinkedHashMap<>(arrays));
  }

  /** Zeros of the same names and shapes, in a new child of {@code parent}. */
  public static Parameters zeros(NDManager parent, Map<String, Shape> shapes) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> arrays.put(name, own.zeros(shape)));
    return new Parameters(own, arrays);
  }

  /** The array of a name; the array stays this object's. */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("no parameter named " + name);
    }
    return array;
  }

  /** Names in order. */
  public Set<String> names() {
    return arrays.keySet();
  }

  /** Names and arrays in order. */
  public Map<String, NDArray> asMap() {
    return arrays;
  }

  /** Number of scalars. */
  public long count() {
    return arrays.values().stream().mapToLong(NDArray::size).sum();
  }

  @Override
  public void close() {
    manager.close();
  }
}
