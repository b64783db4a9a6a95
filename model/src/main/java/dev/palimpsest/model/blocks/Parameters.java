package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.model.kernels.DirectFile;
import dev.palimpsest.model.kernels.DiskSpace;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.MappedFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Named arrays in a fixed order: a model's parameters, their gradients, or a moment of the
 * optimizer. They are float32; moments and the matrices of a model that only predicts may be
 * bfloat16. Names and shapes of parameters are those of {@code ParameterSpecs}. All arrays live in
 * the manager given at construction; closing this closes that manager.
 */
public final class Parameters implements AutoCloseable {
  /** An array that takes a disk longer to find than to read. */
  private static final long SMALL = 1 << 20;

  private static final long NOT_STREAMED = -1;

  private final NDManager manager;
  private final Map<String, NDArray> arrays;

  /** Those of the arrays that are in a file and come to memory when they are lent. */
  private final @Nullable StreamedArrays streamed;

  /** The memory of placeholders that become sums. */
  private final @Nullable Parameters places;

  /**
   * Creates an owner of the arrays.
   *
   * @param manager a manager that contains these arrays and nothing else
   * @param arrays in the order of {@code ParameterSpecs}
   */
  public Parameters(NDManager manager, Map<String, NDArray> arrays) {
    this(manager, arrays, null, null);
  }

  private Parameters(
      NDManager manager,
      Map<String, NDArray> arrays,
      @Nullable StreamedArrays streamed,
      @Nullable Parameters places) {
    this.manager = manager;
    this.arrays = Collections.unmodifiableMap(new LinkedHashMap<>(arrays));
    this.streamed = streamed;
    this.places = places;
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
   * one: they can be read, and become sums by {@link #add}, but must not be changed otherwise.
   */
  public static Parameters placeholders(NDManager parent, Map<String, Shape> shapes) {
    return placeholders(parent, shapes, null);
  }

  /**
   * The same, whose sums get their memory from other arrays.
   *
   * @param places arrays of the same names and shapes, whose contents are lost; null: a sum has the
   *     memory of what is first added to it
   */
  public static Parameters placeholders(
      NDManager parent, Map<String, Shape> shapes, @Nullable Parameters places) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    NDArray zero = own.zeros(new Shape(1));
    shapes.forEach(
        (name, shape) ->
            arrays.put(name, shape.size() == 1 ? own.zeros(shape) : zero.broadcast(shape)));
    return new Parameters(own, arrays, null, places);
  }

  /** Adds to a sum. A placeholder may share the added array's memory from then on. */
  public void add(String name, NDArray added) {
    FloatArrays.accumulate(get(name), added, place(name));
  }

  /** A sum that can be changed, and is zero if nothing was added. */
  public NDArray settled(String name) {
    NDArray array = get(name);
    FloatArrays.settle(array, place(name));
    return array;
  }

  /** Makes a sum zero again, and frees its memory, for {@link #placeholders} without places. */
  public void release(String name) {
    FloatArrays.release(get(name));
  }

  private @Nullable NDArray place(String name) {
    return places == null ? null : places.get(name);
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
    return onDisk(parent, folder, shapes, type, Set.of(), NOT_STREAMED);
  }

  /**
   * Zeros, some of them in memory and the others in such a file, from which they come to memory
   * when they are lent (see {@link #lend}).
   *
   * @param memory to use; more is taken only while more is lent at once
   */
  public static Parameters zerosOnDisk(
      NDManager parent,
      Path folder,
      Map<String, Shape> shapes,
      Precision type,
      StorageConfig.Memory memory) {
    long all = shapes.values().stream().mapToLong(shape -> shape.size() * type.bytes()).sum();
    return memory.onDisk(all) == 0
        ? zeros(parent, shapes, type)
        : onDisk(parent, folder, shapes, type, kept(shapes, type, memory), memory.window());
  }

  /**
   * The arrays that remain in memory: small ones, for which a disk is slow; then those that hardly
   * fit into the window; and of the others as many, spread evenly so that the disk has as much to
   * do for each block.
   */
  private static Set<String> kept(
      Map<String, Shape> shapes, Precision type, StorageConfig.Memory memory) {
    long large = Math.max(SMALL, memory.window() / 4);
    Set<String> kept = new LinkedHashSet<>();
    long left = memory.kept();
    long others = 0;
    for (boolean small : new boolean[] {true, false}) {
      for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
        long bytes = entry.getValue().size() * type.bytes();
        if ((small ? bytes <= SMALL : bytes > large) && bytes <= left) {
          left -= bytes;
          kept.add(entry.getKey());
        } else if (small && bytes > SMALL && bytes <= large) {
          others += bytes;
        }
      }
    }
    double share = (double) left / Math.max(1, others);
    double due = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      long bytes = entry.getValue().size() * type.bytes();
      if (bytes > SMALL && bytes <= large) {
        due += share * bytes;
        if (due >= bytes) {
          due -= bytes;
          kept.add(entry.getKey());
        }
      }
    }
    return kept;
  }

  private static Parameters onDisk(
      NDManager parent,
      Path folder,
      Map<String, Shape> shapes,
      Precision type,
      Set<String> kept,
      long window) {
    Map<String, StreamedArrays.Place> places = new LinkedHashMap<>();
    long end = 0;
    for (Map.Entry<String, Shape> entry : shapes.entrySet()) {
      if (!kept.contains(entry.getKey())) {
        places.put(entry.getKey(), new StreamedArrays.Place(entry.getValue(), end));
        end += DirectFile.rounded(entry.getValue().size() * type.bytes());
      }
    }
    NDManager own = parent.newSubManager();
    try {
      long length = Math.max(DirectFile.UNIT, end);
      Path file = Files.createTempFile(folder, "arrays-", ".tmp");
      try {
        DiskSpace.reserve(file, length);
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        try (MappedFile mapped =
            MappedFile.open(own, file, MappedFile.Access.UPDATE, length / type.bytes(), type)) {
          shapes.forEach(
              (name, shape) -> {
                StreamedArrays.Place place = places.get(name);
                arrays.put(
                    name,
                    place == null
                        ? FloatArrays.zeros(own, shape, type)
                        : mapped.array(own, place.at() / type.bytes(), shape));
              });
        }
        if (window == NOT_STREAMED) {
          return new Parameters(own, arrays);
        }
        StreamedArrays streamed = new StreamedArrays(DirectFile.open(file), type, window, places);
        own.attachInternal("streamed", streamed); // closed with it
        return new Parameters(own, arrays, streamed, null);
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

  /** An array while it is in memory. */
  public interface Loan extends AutoCloseable {
    /** Valid until this is closed. */
    NDArray array();

    @Override
    void close();
  }

  /**
   * An array in memory. Where arrays come from disk this is the fast way to them, if one step after
   * the other lends the same ones in the same order; {@link #get} maps the file.
   *
   * @param changes whether the borrower changes it
   * @throws UncheckedIOException when the disk fails
   */
  public Loan lend(String name, boolean changes) {
    if (streamed != null && streamed.contains(name)) {
      return streamed.lend(name, changes);
    }
    NDArray array = get(name);
    return new Loan() {
      @Override
      public NDArray array() {
        return array;
      }

      @Override
      public void close() {}
    };
  }

  /** Whether arrays come to memory when they are lent. */
  public boolean isStreamed() {
    return streamed != null;
  }

  /** A step begins that lends the same arrays as the last one. */
  public void beginStep() {
    if (streamed != null) {
      streamed.begin();
    }
  }

  /** The array of a name; it still belongs to this object. */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException("no parameter named " + name);
    }
    if (streamed != null && streamed.contains(name)) {
      streamed.settle(name);
    }
    return array;
  }

  /** Names in order. */
  public Set<String> names() {
    return arrays.keySet();
  }

  /** Names and arrays in order. */
  public Map<String, NDArray> asMap() {
    if (streamed != null) {
      arrays.keySet().forEach(this::get);
    }
    return arrays;
  }

  /** The format of a model's matrices. */
  Precision products() {
    return arrays.values().stream().anyMatch(array -> FloatArrays.type(array) == Precision.BF16)
        ? Precision.BF16
        : Precision.F32;
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

  /** Size of the arrays that stay in memory, or are mapped there. */
  public long memoryBytes() {
    return arrays.entrySet().stream()
        .filter(entry -> streamed == null || !streamed.contains(entry.getKey()))
        .mapToLong(entry -> bytes(entry.getValue()))
        .sum();
  }

  private static long bytes(NDArray array) {
    return array.size() * FloatArrays.type(array).bytes();
  }

  /** Total size of all arrays. */
  public long bytes() {
    return arrays.values().stream().mapToLong(Parameters::bytes).sum();
  }

  @Override
  public void close() {
    manager.close();
  }
}
