package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.DiskSpace;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.MappedFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Named arrays in a fixed order: a model's parameters, their gradients, or a moment of the
 * optimizer. They are float32; moments and the matrices of a model that only predicts may be
 * bfloat16. Names and shapes of parameters are those of {@code ParameterSpecs}. All arrays live in
 * the manager given at construction; closing this closes that manager.
 */
public final class Parameters implements AutoCloseable {
  private final NDManager manager;
  private final Map<String, NDArray> arrays;

  /**
   * Creates an owner of the arrays.
   *
   * @param manager a manager that contains these arrays and nothing else
   * @param arrays in the order of {@code ParameterSpecs}
   */
  public Parameters(NDManager manager, Map<String, NDArray> arrays) {
    this.manager = manager;
    this.arrays = Collections.unmodifiableMap(new LinkedHashMap<>(arrays));
  }

  /** Float32 zeros of these names and shapes, in a new child of {@code parent}. */
  public static Parameters zeros(NDManager parent, Map<String, Shape> shapes) {
    return zeros(parent, shapes, Precision.F32);
  }

  /** Zeros of these names and shapes, in a new child of {@code parent}. */
  public static Parameters zeros(NDManager parent, Map<String, Shape> shapes, Precision type) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> arrays.put(name, FloatArrays.zeros(own, shape, type)));
    return new Parameters(own, arrays);
  }

  /**
   * Zeros of these names and shapes that take no memory, since an array's elements are all the same
   * one: they can be read, and become sums by {@link FloatArrays#accumulate}, but must not be
   * changed otherwise.
   */
  public static Parameters placeholders(NDManager parent, Map<String, Shape> shapes) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    NDArray zero = own.zeros(new Shape(1));
    shapes.forEach(
        (name, shape) ->
            arrays.put(name, shape.size() == 1 ? own.zeros(shape) : zero.broadcast(shape)));
    return new Parameters(own, arrays);
  }

  /**
   * Zeros in the memory of a file, which is removed from its folder at once, so that its disk space
   * is freed when these arrays are closed or the process ends in any way.
   *
   * @param folder on the disk to use; must exist
   * @throws java.io.UncheckedIOException when the file cannot be made
   */
  public static Parameters zerosOnDisk(
      NDManager parent, Path folder, Map<String, Shape> shapes, Precision type) {
    int unit = MappedFile.ALIGNMENT / type.bytes();
    Map<String, Long> places = new LinkedHashMap<>();
    long elements = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      places.put(entry.getKey(), elements);
      elements += (entry.getValue().size() + unit - 1) / unit * unit;
    }
    NDManager own = parent.newSubManager();
    try {
      long length = Math.max(unit, elements);
      Path file = Files.createTempFile(folder, "arrays-", ".tmp");
      try {
        DiskSpace.reserve(file, length * type.bytes());
        try (MappedFile mapped =
            MappedFile.open(own, file, MappedFile.Access.UPDATE, length, type)) {
          Map<String, NDArray> arrays = new LinkedHashMap<>();
          places.forEach(
              (name, at) -> arrays.put(name, mapped.array(own, at, shape(shapes, name))));
          return new Parameters(own, arrays);
        }
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      own.close();
      throw new UncheckedIOException("cannot place arrays in " + folder + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  private static Shape shape(Map<String, Shape> shapes, String name) {
    return Objects.requireNonNull(shapes.get(name), name);
  }

  /** The array of a name; it still belongs to this object. */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("no parameter named " + name);
    }
    return array;
  }

  /** A block's arrays by the names that they have within it. */
  Map<String, NDArray> of(BlockSpec block) {
    Map<String, NDArray> found = new LinkedHashMap<>();
    block.parameters().forEach(p -> found.put(p.name(), get(block.name(p))));
    return found;
  }

  /** Names in order. */
  public Set<String> names() {
    return arrays.keySet();
  }

  /** Names and arrays in order. */
  public Map<String, NDArray> asMap() {
    return arrays;
  }

  /**
   * The same with some arrays in bfloat16, in a new child of {@code parent}. The other arrays are
   * moved there, and this is closed. Arrays are converted one at a time.
   *
   * @param names of the arrays to convert
   */
  public Parameters rounded(NDManager parent, Set<String> names) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> rounded = new LinkedHashMap<>();
    arrays.forEach(
        (name, array) -> {
          if (names.contains(name)) {
            rounded.put(name, FloatArrays.converted(own, array, Precision.BF16));
            array.close();
          } else {
            array.attach(own);
            rounded.put(name, array);
          }
        });
    close();
    return new Parameters(own, rounded);
  }

  /** Whether there is an array of this name. */
  public boolean contains(String name) {
    return arrays.containsKey(name);
  }

  /** Shapes by name, in order. */
  public Map<String, Shape> shapes() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    arrays.forEach((name, array) -> shapes.put(name, array.getShape()));
    return shapes;
  }

  /** Total size of all arrays. */
  public long bytes() {
    return arrays.values().stream()
        .mapToLong(array -> array.size() * FloatArrays.type(array).bytes())
        .sum();
  }

  @Override
  public void close() {
    manager.close();
  }
}
