package dev.palimpsest.stages.preparation;

/**
 * More of an evaluation stands in the training data than the recipe allows: nothing was trained.
 */
public final class ContaminatedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ContaminatedException(String message) {
    super(message);
  }
}
