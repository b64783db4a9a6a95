package dev.palimpsest.model.kernels;

/**
 * The effect of an optimizer's update, as squares, which can be added over several arrays.
 *
 * @param updates squared L2 norm of what was subtracted
 * @param parameters squared L2 norm of the new parameters
 */
public record SquaredNorms(double updates, double parameters) {
  /** The norms of no arrays. */
  public static final SquaredNorms ZERO = new SquaredNorms(0, 0);

  /** The norms of both together. */
  public SquaredNorms plus(SquaredNorms other) {
    return new SquaredNorms(updates + other.updates, parameters + other.parameters);
  }
}
