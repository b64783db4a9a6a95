package dev.palimpsest.mixtures.images;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operations in which resizing spends most of its time, on one row of pixels. All
 * implementations add the same products in the same order and give the same bits.
 */
interface RowArithmetic {
  /** The number of floats after a row that may be read and, in an output, written. */
  int SPARE = 16;

  /** The fastest implementation in this JVM. */
  static RowArithmetic fastest() {
    return Choice.FASTEST;
  }

  /**
   * Converts unsigned bytes to floats at the beginning of a row.
   *
   * @param from the first byte
   */
  void toFloats(byte[] bytes, int from, int count, float[] row);

  /**
   * Adds weighted neighbours of every output pixel.
   *
   * @param anew whether sums start at 0 instead of the output's contents
   * @param starts where in the row the first neighbour of each output pixel begins, in floats
   * @param skip floats from there on that are left out
   * @param taps neighbours that are added: 2, 3 or 6
   * @param weights float32 [output, taps]
   * @param row float32 [input, 3] and {@link #SPARE}
   * @param output float32 [output, 3] and {@link #SPARE}
   */
  void add(
      boolean anew, int[] starts, int skip, int taps, float[] weights, float[] row, float[] output);

  /** The vector implementation, if the JVM was started with the module. */
  final class Choice {
    private static final Logger log = LoggerFactory.getLogger(RowArithmetic.class);
    private static final String VECTORS = "dev.palimpsest.mixtures.images.VectorRowArithmetic";
    private static final RowArithmetic FASTEST = choose();

    private Choice() {}

    private static RowArithmetic choose() {
      if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
        try {
          RowArithmetic vectors =
              Class.forName(VECTORS)
                  .asSubclass(RowArithmetic.class)
                  .getDeclaredConstructor()
                  .newInstance();
          log.info("pictures are resized with the JDK's vector API");
          return vectors;
        } catch (ReflectiveOperationException | LinkageError e) {
          log.warn("this JVM's jdk.incubator.vector cannot be used: {}", e.toString());
        }
      }
      return new ScalarRowArithmetic();
    }
  }
}
