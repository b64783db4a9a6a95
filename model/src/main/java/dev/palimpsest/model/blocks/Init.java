package dev.palimpsest.model.blocks;

import ai.djl.ndarray.types.Shape;

/**
 * How a new parameter is initialised.
 *
 * @param distribution its kind
 * @param size the constant, the uniform distribution's limit, or the normal one's deviation
 */
public record Init(Distribution distribution, double size) {
  /** All values are zero. */
  public static final Init ZEROS = new Init(Distribution.CONSTANT, 0);

  /** All values are one. */
  public static final Init ONES = new Init(Distribution.CONSTANT, 1);

  /** Kinds of distributions. */
  public enum Distribution {
    /** Every value is {@code size}. */
    CONSTANT,
    /** Uniform between {@code -size} and {@code size}. */
    UNIFORM,
    /** Normal with mean 0 and deviation {@code size}. */
    NORMAL
  }

  /** Normal with mean 0. */
  public static Init normal(double deviation) {
    return new Init(Distribution.NORMAL, deviation);
  }

  /**
   * Normal with deviation fan-in^-0.5; for an embedding table, width^-0.5.
   *
   * @param shape [out, in], or [rows, width]
   */
  public static Init fanIn(Shape shape) {
    return normal(1 / Math.sqrt((double) shape.get(shape.dimension() - 1)));
  }

  /**
   * Xavier-uniform.
   *
   * @param shape [out, in], or [out, in, height, width] of a convolution, whose receptive field
   *     counts in both directions
   */
  public static Init xavier(Shape shape) {
    long fanOut = shape.get(0);
    long fanIn = shape.size() / fanOut;
    if (shape.dimension() == 4) {
      fanOut *= shape.get(2) * shape.get(3);
    }
    return new Init(Distribution.UNIFORM, Math.sqrt(6.0 / (fanIn + fanOut)));
  }
}
