package dev.palimpsest.mixtures.images;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The implementation with the JDK's vectors of eight floats. It is compiled separately and only
 * loaded if the JVM was started with {@code --add-modules jdk.incubator.vector}. Loops over taps
 * are unrolled, because Java 17 allocates an object for every sum that a loop carries.
 */
final class VectorRowArithmetic implements RowArithmetic {
  private static final int LANES = 8;

  private final RowArithmetic scalar = new ScalarRowArithmetic();

  VectorRowArithmetic() {}

  @Override
  public void toFloats(byte[] bytes, int from, int count, float[] row) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      IntVector signed =
          (IntVector)
              ByteVector.fromArray(ByteVector.SPECIES_64, bytes, from + i)
                  .convertShape(VectorOperators.B2I, IntVector.SPECIES_256, 0);
      FloatVector levels =
          (FloatVector)
              signed.and(0xff).convertShape(VectorOperators.I2F, FloatVector.SPECIES_256, 0);
      levels.intoArray(row, i);
    }
    for (; i < count; i++) {
      row[i] = bytes[from + i] & 0xff;
    }
  }

  /**
   * A vector covers a pixel and the beginning of the next two, which overwrite that part
   * afterwards. So only sums that start at 0 can be computed this way.
   */
  @Override
  public void add(
      boolean anew,
      int[] starts,
      int skip,
      int taps,
      float[] weights,
      float[] row,
      float[] output) {
    switch (anew ? taps : 0) {
      case 2 -> two(starts, skip, weights, row, output);
      case 3 -> three(starts, skip, weights, row, output);
      case 6 -> six(starts, skip, weights, row, output);
      default -> scalar.add(anew, starts, skip, taps, weights, row, output);
    }
  }

  private static void two(int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, w = 0; x < starts.length; x++, w += 2) {
      int at = starts[x] + skip;
      product(row, at, weights[w])
          .add(product(row, at + 3, weights[w + 1]))
          .intoArray(output, 3 * x);
    }
  }

  private static void three(int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, w = 0; x < starts.length; x++, w += 3) {
      int at = starts[x] + skip;
      product(row, at, weights[w])
          .add(product(row, at + 3, weights[w + 1]))
          .add(product(row, at + 6, weights[w + 2]))
          .intoArray(output, 3 * x);
    }
  }

  private static void six(int[] starts, int skip, float[] weights, float[] row, float[] output) {
    for (int x = 0, w = 0; x < starts.length; x++, w += 6) {
      int at = starts[x] + skip;
      product(row, at, weights[w])
          .add(product(row, at + 3, weights[w + 1]))
          .add(product(row, at + 6, weights[w + 2]))
          .add(product(row, at + 9, weights[w + 3]))
          .add(product(row, at + 12, weights[w + 4]))
          .add(product(row, at + 15, weights[w + 5]))
          .intoArray(output, 3 * x);
    }
  }

  private static FloatVector product(float[] row, int at, float weight) {
    return FloatVector.fromArray(FloatVector.SPECIES_256, row, at)
        .mul(FloatVector.broadcast(FloatVector.SPECIES_256, weight));
  }
}
