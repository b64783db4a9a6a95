package dev.palimpsest.stages.step;

/**
 * Thrown at a step whose loss cannot be trusted, under a policy that stops: the run ends before the
 * update, so that the parameters are the last good ones.
 */
public final class DivergenceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DivergenceException(String message) {
    super(message);
  }
}
