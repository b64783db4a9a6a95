package dev.palimpsest.stages.training;

/** A run that ended early because it was asked to; all it did is saved. */
public final class StoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  StoppedException(String message) {
    super(message);
  }
}
