package dev.palimpsest.stages;

/**
 * A loss or norm that is not a number: the run stops before the update, so parameters are still the
 * last good ones.
 */
public final class NonFiniteException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NonFiniteException(String message) {
    super(message);
  }
}
