package dev.palimpsest.stages.training;

/**
 * A step whose loss cannot be trusted, under a policy that stops: the run ends before the update,
 * so parameters are still the last good ones.
 */
public final class DivergenceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DivergenceException(String message) {
    super(message);
  }
}
