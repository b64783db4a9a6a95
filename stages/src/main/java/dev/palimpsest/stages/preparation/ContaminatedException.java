package dev.palimpsest.stages.preparation;

/** More training examples occur in an evaluation than the recipe allows; nothing was trained. */
public final class ContaminatedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ContaminatedException(String message) {
    super(message);
  }
}
