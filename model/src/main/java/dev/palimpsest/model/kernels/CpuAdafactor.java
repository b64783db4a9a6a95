package dev.palimpsest.model.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Adafactor of one matrix with a factored second moment on the CPU: two or three passes over the
 * gradient and one over the parameter, a row at a time, in loops that Java's compiler vectorises.
 * See {@code adafactor} in {@code optimizer.py}, which is for a GPU and for other arrays. Sums go
 * over the same stripes of rows whatever the number of threads.
 */
final class CpuAdafactor {
  private static final int STRIPES = 64;

  /** Rows whose squares are added in float32 before they are added in float64. */
  private static final int RECENT = 64;

  private static final float LEAST_SQUARE = 1e-30f;

  private final Matrix parameter;
  private final Matrix gradient;
  private final @Nullable Matrix momentum;
  private final AdafactorUpdate update;
  private final int rows;
  private final int columns;
  private final int stripes;

  /** The inverse roots of the second moment's two factors. */
  private final float[] rowFactors;

  private final float[] columnFactors;

  private CpuAdafactor(
      NDArray parameter, NDArray gradient, List<NDArray> momentum, AdafactorUpdate update) {
    Shape shape = parameter.getShape();
    this.rows = Math.toIntExact(shape.get(0));
    this.columns = Math.toIntExact(shape.get(1));
    this.stripes = Math.min(STRIPES, rows);
    this.parameter = new Matrix(parameter, columns);
    this.gradient = new Matrix(gradient, columns);
    this.momentum = momentum.isEmpty() ? null : new Matrix(momentum.get(0), columns);
    this.update = update;
    this.rowFactors = new float[rows];
    this.columnFactors = new float[columns];
  }

  /** As {@link Kernels#adafactor}, with the means of squares by row and by column. */
  static SquaredNorms run(
      NDArray parameter,
      NDArray gradient,
      List<NDArray> momentum,
      NDArray rowMeans,
      NDArray columnMeans,
      AdafactorUpdate update) {
    CpuAdafactor pass = new CpuAdafactor(parameter, gradient, momentum, update);
    pass.estimate(
        FloatMemory.of(rowMeans, 0, pass.rows).floats(),
        FloatMemory.of(columnMeans, 0, pass.columns).floats());
    return pass.move(pass.limit());
  }

  /** A matrix in memory, in buffers of whole rows. */
  private static final class Matrix {
    private final int columns;
    private final int rowsOfBuffer;
    private final List<FloatMemory> buffers = new ArrayList<>();

    Matrix(NDArray array, int columns) {
      this.columns = columns;
      this.rowsOfBuffer = Math.toIntExact(Math.max(1, FloatMemory.MOST / columns));
      long length = (long) rowsOfBuffer * columns;
      for (long at = 0; at < array.size(); at += length) {
        buffers.add(FloatMemory.of(array, at, (int) Math.min(length, array.size() - at)));
      }
    }

    private FloatMemory buffer(int row) {
      return buffers.get(row / rowsOfBuffer);
    }

    private int place(int row) {
      return row % rowsOfBuffer * columns;
    }

    void read(int row, float[] to, short[] bits) {
      buffer(row).read(place(row), to, columns, bits);
    }

    void write(int row, float[] from, short[] bits) {
      buffer(row).write(place(row), from, columns, bits);
    }

    boolean isRounded() {
      return buffers.get(0).isRounded();
    }
  }

  /** What one thread works on. */
  private final class Row {
    private final float[] g = new float[columns];
    private final float[] x = new float[columns];
    private final float[] y = new float[columns];
    private final float[] recent = new float[columns];
    private final short[] bits = new short[columns];
  }

  /** What is done with a row of a stripe. */
  @FunctionalInterface
  private interface Work {
    void on(int stripe, int r, Row row);
  }

  /** The rows of a stripe follow each other on one thread. */
  private void eachRow(Work work) {
    Workers.each(
        stripes,
        () -> {
          Row row = new Row();
          return stripe -> {
            for (int r = first(stripe); r < first(stripe + 1); r++) {
              work.on(stripe, r, row);
            }
          };
        });
  }

  private int first(int stripe) {
    return (int) ((long) rows * stripe / stripes);
  }

  // ---- the second moment

  private void estimate(FloatBuffer rowMeans, FloatBuffer columnMeans) {
    float scale = (float) update.gradientScale();
    double[][] sums = new double[stripes][columns];
    eachRow(
        (stripe, r, row) -> {
          gradient.read(r, row.g, row.bits);
          squares(row.g, scale, row.x);
          add(row.recent, row.x);
          int done = r + 1 - first(stripe);
          if (done % RECENT == 0 || r + 1 == first(stripe + 1)) {
            flush(row.recent, sums[stripe]);
          }
          rowFactors[r] = folded(row.x) / columns;
        });
    double[] ofColumns = new double[columns];
    for (double[] sum : sums) {
      for (int i = 0; i < columns; i++) {
        ofColumns[i] += sum[i];
      }
    }
    float weight = (float) (1 - update.beta2());
    double total = 0;
    for (int r = 0; r < rows; r++) {
      rowFactors[r] = moved(rowMeans.get(r), rowFactors[r], weight);
      rowMeans.put(r, rowFactors[r]);
      total += rowFactors[r];
    }
    float mean = (float) (total / rows);
    for (int r = 0; r < rows; r++) {
      rowFactors[r] = (float) (1 / Math.sqrt(rowFactors[r] / mean));
    }
    for (int i = 0; i < columns; i++) {
      float column = moved(columnMeans.get(i), (float) (ofColumns[i] / rows), weight);
      columnMeans.put(i, column);
      columnFactors[i] = (float) (1 / Math.sqrt(column));
    }
  }

  /** An average after a new value, which it becomes if the weight is 1. */
  private static float moved(float average, float x, float weight) {
    return weight < 0.5f ? average + weight * (x - average) : x - (x - average) * (1 - weight);
  }

  // ---- the update

  /** What directions are divided by so that their root mean square is not above the clip. */
  private float limit() {
    if (update.clip() <= 0) {
      return 1;
    }
    double[] sums = new double[stripes];
    eachRow(
        (stripe, r, row) -> {
          direction(r, row, 1);
          sums[stripe] += sumOfSquares(row.g, row.x);
        });
    double mean = Arrays.stream(sums).sum() / ((double) rows * columns);
    return (float) Math.max(1, Math.sqrt(mean) / update.clip());
  }

  private SquaredNorms move(float limit) {
    double[] updates = new double[stripes];
    double[] norms = new double[stripes];
    float rate = (float) update.rate();
    float decay = (float) update.decay();
    eachRow(
        (stripe, r, row) -> {
          direction(r, row, limit);
          if (momentum != null) {
            average(momentum, r, row);
          }
          parameter.read(r, row.y, row.bits);
          change(row.g, row.y, rate, decay);
          subtract(row.y, row.g);
          parameter.write(r, row.y, row.bits);
          updates[stripe] += sumOfSquares(row.g, row.x);
          norms[stripe] += sumOfSquares(row.y, row.x);
        });
    return new SquaredNorms(Arrays.stream(updates).sum(), Arrays.stream(norms).sum());
  }

  /** A row's gradient over the root of its second moment, in {@code g}. */
  private void direction(int r, Row row, float limit) {
    gradient.read(r, row.g, row.bits);
    multiply(row.g, (float) update.gradientScale(), rowFactors[r], columnFactors);
    if (limit > 1) {
      divide(row.g, limit);
    }
  }

  /** Replaces {@code g} by the momentum after it. */
  private void average(Matrix momentum, int r, Row row) {
    float added = (float) (1 - update.beta1());
    momentum.read(r, row.y, row.bits);
    if (momentum.isRounded()) {
      // The average decays by the number that its own format has for beta1, as in big_vision.
      decayed(row.g, row.y, FloatMemory.bfloat16((float) update.beta1()), added);
    } else {
      approached(row.g, row.y, added);
    }
    momentum.write(r, row.g, row.bits);
  }

  // ---- Loops with one result each: the compiler vectorises no others.

  private static void squares(float[] g, float scale, float[] squares) {
    for (int i = 0; i < g.length; i++) {
      squares[i] = (g[i] * scale) * (g[i] * scale) + LEAST_SQUARE;
    }
  }

  private static void add(float[] to, float[] x) {
    for (int i = 0; i < to.length; i++) {
      to[i] += x[i];
    }
  }

  private static void flush(float[] recent, double[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += recent[i];
    }
    Arrays.fill(recent, 0);
  }

  private static void multiply(float[] x, float scale, float row, float[] columns) {
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] * scale * row * columns[i];
    }
  }

  private static void divide(float[] x, float divisor) {
    for (int i = 0; i < x.length; i++) {
      x[i] /= divisor;
    }
  }

  private static void decayed(float[] x, float[] average, float kept, float added) {
    for (int i = 0; i < x.length; i++) {
      x[i] = average[i] * kept + x[i] * added;
    }
  }

  private static void approached(float[] x, float[] average, float added) {
    for (int i = 0; i < x.length; i++) {
      x[i] = average[i] + added * (x[i] - average[i]);
    }
  }

  /** Replaces directions by what is subtracted from parameters. */
  private static void change(float[] x, float[] parameters, float rate, float decay) {
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] * rate + decay * parameters[i];
    }
  }

  private static void subtract(float[] from, float[] x) {
    for (int i = 0; i < from.length; i++) {
      from[i] -= x[i];
    }
  }

  /** The sum of squares; {@code squares} is changed. */
  private static float sumOfSquares(float[] x, float[] squares) {
    for (int i = 0; i < x.length; i++) {
      squares[i] = x[i] * x[i];
    }
    return folded(squares);
  }

  /** The sum in float32, of halves upon each other; the array is changed. */
  private static float folded(float[] x) {
    int length = x.length;
    while (length > 1) {
      int half = length / 2;
      fold(x, length - half, half);
      length -= half;
    }
    return x[0];
  }

  private static void fold(float[] x, int from, int count) {
    for (int i = 0; i < count; i++) {
      x[i] += x[from + i];
    }
  }
}
