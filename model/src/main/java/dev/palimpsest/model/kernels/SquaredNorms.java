package dev.palimpsest.model.kernels;

/**
 * What an optimizer's update did, as squares so that those of several arrays add up.
 *
 * @param updates squared L2 norm of what was subtracted
 * @param parameters squared L2 norm of the new parameters
 */
public record SquaredNorms(double updates, double parameters) {
  /** Of no array. */
  public static final SquaredNorms ZERO = new SquaredNorms(0, 0);

  /** Of both together. */
  public SquaredNorms plus(SquaredNorms other) {
    return new SquaredNorms(updates + other.updates, parameters + other.parameters);
  }
}
