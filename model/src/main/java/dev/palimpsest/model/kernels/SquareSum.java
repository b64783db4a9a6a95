package dev.palimpsest.model.kernels;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A sum of squares on the CPU. Every 1024th number goes to the same sum in float32, but only 16 of
 * them in a row, so that sums do not become large beside what is added to them. Its bits depend
 * neither on the processor nor on the number of threads.
 */
final class SquareSum {
  /** Elements that are added at a time. */
  static final int BLOCK = 1024;

  private static final int BLOCKS = 16;

  private final float[] recent = new float[BLOCK];
  private final float[] all = new float[BLOCK];
  private int blocks;

  /** Neighbouring elements of an array, by their places in its memory. */
  private record Piece(FloatMemory memory, int from, int to) {}

  /**
   * Sums of the pieces of contiguous arrays, in order.
   *
   * @param pieceLength elements of a piece
   */
  static float[] ofPieces(List<NDArray> arrays, int pieceLength) {
    List<Piece> pieces = new ArrayList<>();
    for (NDArray array : arrays) {
      for (long at = 0; at < array.size(); at += FloatMemory.MOST) {
        int length = (int) Math.min(FloatMemory.MOST, array.size() - at);
        FloatMemory memory = FloatMemory.of(array, at, length);
        for (int from = 0; from < length; from += pieceLength) {
          pieces.add(new Piece(memory, from, Math.min(length, from + pieceLength)));
        }
      }
    }
    float[] sums = new float[pieces.size()];
    Workers.each(
        sums.length,
        () -> {
          SquareSum sum = new SquareSum();
          float[] block = new float[BLOCK];
          short[] bits = new short[BLOCK];
          return i -> {
            Piece piece = pieces.get(i);
            for (int at = piece.from(); at < piece.to(); at += BLOCK) {
              int n = Math.min(BLOCK, piece.to() - at);
              piece.memory().read(at, block, n, bits);
              sum.add(block, n);
            }
            sums[i] = sum.take();
          };
        });
    return sums;
  }

  /** Adds the squares of the first numbers. */
  void add(float[] x, int n) {
    addSquares(recent, x, n);
    if (++blocks % BLOCKS == 0) {
      flush();
    }
  }

  private void flush() {
    add(all, recent);
    Arrays.fill(recent, 0);
  }

  /** The sum, which begins again at 0. */
  float take() {
    flush();
    double sum = 0;
    for (float squares : all) {
      sum += squares;
    }
    Arrays.fill(all, 0);
    blocks = 0;
    return (float) sum;
  }

  // Loops with one result each: the compiler vectorises no others.

  private static void addSquares(float[] sums, float[] x, int n) {
    for (int i = 0; i < n; i++) {
      sums[i] += x[i] * x[i];
    }
  }

  private static void add(float[] sums, float[] x) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += x[i];
    }
  }
}
