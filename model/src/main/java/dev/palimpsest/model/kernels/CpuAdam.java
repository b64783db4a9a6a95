package dev.palimpsest.model.kernels;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;

/**
 * AdamW on the CPU in one pass over memory: each number is fetched and stored once, a block of them
 * at a time, which is copied to arrays that stay in the processor's nearest cache. Java's compiler
 * vectorises loops over such arrays. Its arithmetic is IEEE's, so that a parameter's bits depend
 * neither on the processor nor on the number of threads.
 */
final class CpuAdam {
  /** 7 arrays of so many elements are 28 KB. */
  private static final int BLOCK = SquareSum.BLOCK;

  private final AdamUpdate update;
  private final List<Piece> pieces = new ArrayList<>();

  private CpuAdam(AdamUpdate update) {
    this.update = update;
  }

  /**
   * Neighbouring elements of an array, whose squares are summed together.
   *
   * @param mu float32 or bfloat16
   * @param from in the buffers
   */
  private record Piece(
      FloatMemory parameter,
      FloatMemory gradient,
      FloatMemory mu,
      FloatMemory nu,
      int from,
      int to) {}

  /**
   * Updates contiguous arrays in place.
   *
   * @param mus float32 or bfloat16; all others are float32
   * @param pieceLength elements of a piece
   * @return sums of squares of all pieces, in order: of the update, and of the new parameters
   */
  static List<float[]> run(
      List<NDArray> parameters,
      List<NDArray> gradients,
      List<NDArray> mus,
      List<NDArray> nus,
      AdamUpdate update,
      int pieceLength) {
    CpuAdam pass = new CpuAdam(update);
    for (int i = 0; i < parameters.size(); i++) {
      pass.add(parameters.get(i), gradients.get(i), mus.get(i), nus.get(i), pieceLength);
    }
    return pass.run();
  }

  private void add(NDArray parameter, NDArray gradient, NDArray mu, NDArray nu, int pieceLength) {
    for (long at = 0; at < parameter.size(); at += FloatMemory.MOST) {
      int length = (int) Math.min(FloatMemory.MOST, parameter.size() - at);
      FloatMemory p = FloatMemory.of(parameter, at, length);
      FloatMemory g = FloatMemory.of(gradient, at, length);
      FloatMemory m = FloatMemory.of(mu, at, length);
      FloatMemory n = FloatMemory.of(nu, at, length);
      for (int from = 0; from < length; from += pieceLength) {
        pieces.add(new Piece(p, g, m, n, from, Math.min(length, from + pieceLength)));
      }
    }
  }

  private List<float[]> run() {
    float[] updates = new float[pieces.size()];
    float[] norms = new float[pieces.size()];
    Workers.each(
        updates.length,
        () -> {
          Block block = new Block();
          return i -> {
            block.update(pieces.get(i));
            updates[i] = block.updates.take();
            norms[i] = block.norms.take();
          };
        });
    return List.of(updates, norms);
  }

  /** What one thread works on. */
  private final class Block {
    private final float[] p = new float[BLOCK];
    private final float[] g = new float[BLOCK];
    private final float[] mu = new float[BLOCK];
    private final float[] nu = new float[BLOCK];
    private final float[] change = new float[BLOCK];
    private final short[] rounded = new short[BLOCK];

    private final SquareSum updates = new SquareSum();
    private final SquareSum norms = new SquareSum();

    void update(Piece piece) {
      double beta1 = update.beta1();
      double kept = piece.mu.isRounded() ? FloatMemory.bfloat16((float) beta1) : beta1;
      for (int at = piece.from; at < piece.to; at += BLOCK) {
        int n = Math.min(BLOCK, piece.to - at);
        piece.parameter.read(at, p, n, rounded);
        piece.gradient.read(at, g, n, rounded);
        piece.nu.read(at, nu, n, rounded);
        piece.mu.read(at, mu, n, rounded);
        step(kept, n);
        piece.parameter.write(at, p, n, rounded);
        piece.nu.write(at, nu, n, rounded);
        piece.mu.write(at, mu, n, rounded);
      }
    }

    private void step(double kept, int n) {
      double step = (double) update.step();
      double correction1 = 1 - Math.pow(update.beta1(), step);
      double correction2 = 1 - Math.pow(update.beta2(), step);
      scale(g, (float) update.gradientScale(), n);
      average(mu, g, (float) kept, (float) (1 - update.beta1()), n);
      averageSquares(nu, g, (float) update.beta2(), (float) (1 - update.beta2()), n);
      roots(nu, change, (float) (1 / Math.sqrt(correction2)), (float) update.epsilon(), n);
      float rate = (float) (update.rate() / correction1);
      changes(change, mu, p, rate, (float) update.decay(), n);
      subtract(p, change, n);
      updates.add(change, n);
      norms.add(p, n);
    }
  }

  // Loops with one result each: the compiler vectorises no others.

  private static void scale(float[] x, float factor, int n) {
    for (int i = 0; i < n; i++) {
      x[i] *= factor;
    }
  }

  private static void average(float[] average, float[] x, float kept, float added, int n) {
    for (int i = 0; i < n; i++) {
      average[i] = kept * average[i] + added * x[i];
    }
  }

  private static void averageSquares(float[] average, float[] x, float kept, float added, int n) {
    for (int i = 0; i < n; i++) {
      average[i] = kept * average[i] + added * (x[i] * x[i]);
    }
  }

  private static void roots(float[] squares, float[] roots, float factor, float epsilon, int n) {
    for (int i = 0; i < n; i++) {
      roots[i] = (float) Math.sqrt(squares[i]) * factor + epsilon;
    }
  }

  /** Replaces roots by what is subtracted from parameters. */
  private static void changes(
      float[] roots, float[] mu, float[] parameters, float rate, float decay, int n) {
    for (int i = 0; i < n; i++) {
      roots[i] = mu[i] / roots[i] * rate + decay * parameters[i];
    }
  }

  private static void subtract(float[] from, float[] x, int n) {
    for (int i = 0; i < n; i++) {
      from[i] -= x[i];
    }
  }
}
