package dev.palimpsest.mixtures.images;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What resizing spends most of its time with, on one row of pixels. All ways add the same products
 * in the same order and give the same bits.
 */
interface RowArithmetic {
  /** Floats behind a row that may be read and, of an output, written. */
  int SPARE = 16;

  /** The fastest that this JVM has. */
  static RowArithmetic fastest() {
    return Choice.FASTEST;
  }

  /**
   * Unsigned bytes as floats, to the beginning of a row.
   *
   * @param from the first byte
   */
  void toFloats(byte[] bytes, int from, int count, float[] row);

  /**
   * Adds weighted neighbours of every output pixel.
   *
   * @param anew whether to begin at 0, whatever the output holds
   * @param starts where in the row the first neighbour of each output pixel begins, in floats
   * @param skip floats from there on that are left out
   * @param taps neighbours that are added: 2, 3 or 6
   * @param weights float32 [output, taps]
   * @param row float32 [input, 3] and {@link #SPARE}
   * @param output float32 [output, 3] and {@link #SPARE}
   */
  void add(
      boolean anew, int[] starts, int skip, int taps, float[] weights, float[] row, float[] output);

  /** Vectors, where the JVM was started with them. */
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
          log.info("pictures are resized by the JDK's vectors");
          return vectors;
        } catch (ReflectiveOperationException | LinkageError e) {
          log.warn("this JVM's jdk.incubator.vector cannot be used: {}", e.toString());
        }
      }
      return new ScalarRowArithmetic();
    }
  }
}
