package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.Parts;
import dev.palimpsest.model.ranks.RankGrid;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which part of each trained array a rank updates. Arrays are divided between the pieces in which
 * the optimizer's kernels work and add up squares: a rank's part is updated by the same operations
 * on the same pieces, and norms are added up in the same order, as if one rank had all. Neither
 * bits of parameters nor of norms depend on the division.
 */
public final class Shards {
  private final RankGrid grid;
  private final Collectives ranks;
  private final long piece;
  private final boolean divideParameters;
  private final Map<String, Shape> shapes;
  private final Map<String, Parts> parts = new LinkedHashMap<>();

  /**
   * Divides arrays so that each rank has nearly as many pieces as any other.
   *
   * @param shapes of the arrays by name, in the same order on every rank
   * @param piece elements of a piece; the last one of an array may be shorter
   * @param divideParameters whether a rank keeps its part of the parameters alone, and not only
   *     updates it
   */
  public Shards(RankGrid grid, Map<String, Shape> shapes, long piece, boolean divideParameters) {
    this.grid = grid;
    this.ranks = grid.within();
    this.piece = piece;
    this.divideParameters = divideParameters;
    this.shapes = Map.copyOf(shapes);
    long[] load = new long[ranks.size()];
    shapes.forEach((name, shape) -> parts.put(name, divided(shape.size(), load)));
  }

  /** Gives each rank an equal number of pieces, and one more to those that have least so far. */
  private Parts divided(long elements, long[] load) {
    int n = load.length;
    long pieces = pieces(elements);
    long[] mine = new long[n];
    Arrays.fill(mine, pieces / n);
    for (long rest = pieces % n; rest > 0; rest--) {
      int least = -1;
      for (int r = 0; r < n; r++) {
        if (mine[r] == pieces / n && (least < 0 || load[r] < load[least])) {
          least = r;
        }
      }
      mine[least]++;
    }
    long[] bounds = new long[n + 1];
    for (int r = 0; r < n; r++) {
      load[r] += mine[r];
      bounds[r + 1] = Math.min(elements, bounds[r] + mine[r] * piece);
    }
    return new Parts(bounds);
  }

  private long pieces(long elements) {
    return (elements + piece - 1) / piece;
  }

  /** The ranks among which arrays are divided. */
  public RankGrid ranks() {
    return grid;
  }

  /** Whether a rank keeps its part of the parameters alone. */
  public boolean divideParameters() {
    return divideParameters;
  }

  /** How an array is divided. */
  public Parts parts(String name) {
    return Objects.requireNonNull(parts.get(name), name);
  }

  /** The number of this rank's elements of an array. */
  public long length(String name) {
    return parts(name).length(ranks.rank());
  }

  /** The shapes of this rank's parts, which are flat. */
  public Map<String, Shape> shapes(Map<String, Shape> whole) {
    Map<String, Shape> own = new LinkedHashMap<>();
    whole.keySet().forEach(name -> own.put(name, new Shape(length(name))));
    return own;
  }

  /**
   * This rank's part of an array, which shares its memory.
   *
   * @param scope the view belongs to it
   * @param array whole, or a part already
   */
  NDArray own(NDManager scope, String name, NDArray array) {
    Parts p = parts(name);
    NDArray flat = array.reshape(array.size());
    flat.attach(scope);
    if (array.size() == length(name)) {
      return flat;
    }
    NDArray own = p.of(array, ranks.rank());
    own.attach(scope);
    return own;
  }

  /**
   * A whole array of which every rank has its part; all ranks call this.
   *
   * @param scope the array belongs to it
   * @param own this rank's part, flat
   */
  NDArray gathered(NDManager scope, String name, NDArray own) {
    NDArray whole = FloatArrays.zeros(scope, shape(name), FloatArrays.type(own));
    if (length(name) > 0) {
      try (NDManager views = scope.newSubManager()) {
        FloatArrays.assign(own(views, name, whole), own);
      }
    }
    ranks.allGather(whole, parts(name));
    return whole;
  }

  /**
   * Gives each rank its parts of the arrays that the first one has, one array at a time.
   *
   * @param from the first rank's whole arrays; those that it lacks, or has in another shape, are
   *     zero. What the others give does not matter
   * @param to receives the parts, flat
   */
  void divide(@Nullable Parameters from, Parameters to) {
    Collectives all = grid.all();
    if (!all.any(all.isFirst() && from != null)) {
      return;
    }
    to.asMap()
        .forEach(
            (name, part) -> {
              Shape shape = shape(name);
              try (NDManager scope = part.getManager().newSubManager()) {
                NDArray whole = FloatArrays.zeros(scope, shape, FloatArrays.type(part));
                if (all.isFirst()
                    && from != null
                    && from.contains(name)
                    && from.get(name).getShape().equals(shape)) {
                  FloatArrays.assign(whole, from.get(name));
                }
                all.broadcast(whole, 0);
                if (length(name) > 0) {
                  FloatArrays.assign(part, own(scope, name, whole));
                }
              }
            });
  }

  /**
   * What this rank writes of arrays in a checkpoint: its part of those that are divided, and all of
   * the others if it is the first.
   *
   * @param scope views belong to it
   * @param arrays whole, or this rank's parts
   */
  public List<TensorPart> written(NDManager scope, Parameters arrays) {
    List<TensorPart> written = new ArrayList<>();
    arrays
        .asMap()
        .forEach(
            (name, array) -> {
              Parts divided = parts.get(name);
              NDArray own;
              long first = 0;
              if (divided != null) {
                own = own(scope, name, array);
                first = divided.from(ranks.rank());
              } else {
                long kept = ranks.isFirst() ? array.size() : 0;
                own = new Parts(new long[] {0, kept}).of(array, 0);
                own.attach(scope);
              }
              Shape shape = divided == null ? array.getShape() : shape(name);
              ElementType type = ElementType.of(FloatArrays.type(array));
              written.add(new TensorPart(new TensorInfo(name, type, shape), first, own));
            });
    return written;
  }

  private Shape shape(String name) {
    return Objects.requireNonNull(shapes.get(name), name);
  }

  /** This rank's parts of arrays, without those of which it has none. */
  List<NDArray> own(NDManager scope, List<String> names, Parameters arrays) {
    return names.stream()
        .filter(name -> length(name) > 0)
        .map(name -> own(scope, name, arrays.get(name)))
        .toList();
  }

  /**
   * Sums of squares of all pieces, in the order of names and of an array's pieces.
   *
   * @param names of the arrays
   * @param kinds of this rank's pieces, in the same order; for example of updates, and of
   *     parameters
   */
  List<float[]> inOrder(List<String> names, List<float[]> kinds) {
    int bytes = kinds.stream().mapToInt(k -> Float.BYTES * k.length).sum();
    ByteBuffer mine = ByteBuffer.allocate(bytes);
    for (float[] kind : kinds) {
      for (float sum : kind) {
        mine.putFloat(sum);
      }
    }
    List<ByteBuffer> all = ranks.gather(mine.array()).stream().map(ByteBuffer::wrap).toList();
    List<float[]> ordered = new ArrayList<>();
    for (int k = 0; k < kinds.size(); k++) {
      List<Float> sums = new ArrayList<>();
      for (String name : names) {
        for (int r = 0; r < ranks.size(); r++) {
          for (long i = pieces(parts(name).length(r)); i > 0; i--) {
            sums.add(all.get(r).getFloat());
          }
        }
      }
      float[] array = new float[sums.size()];
      for (int i = 0; i < array.length; i++) {
        array[i] = sums.get(i);
      }
      ordered.add(array);
    }
    return ordered;
  }
}
