package dev.palimpsest.mixtures;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Eight at a time, with the JDK's vectors. The module is compiled apart and only loaded where the
 * JVM was started with {@code --add-modules jdk.incubator.vector}: see {@link BytesToFloats}.
 */
final class VectorBytesToFloats implements BytesToFloats {
  private static final int LANES = 8;

  VectorBytesToFloats() {}

  @Override
  public void convert(byte[] bytes, int from, int count, float[] floats) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      IntVector signed =
          (IntVector)
              ByteVector.fromArray(ByteVector.SPECIES_64, bytes, from + i)
                  .convertShape(VectorOperators.B2I, IntVector.SPECIES_256, 0);
      FloatVector levels =
          (FloatVector)
              signed.and(0xff).convertShape(VectorOperators.I2F, FloatVector.SPECIES_256, 0);
      levels.intoArray(floats, i);
    }
    for (; i < count; i++) {
      floats[i] = bytes[from + i] & 0xff;
    }
  }
}
