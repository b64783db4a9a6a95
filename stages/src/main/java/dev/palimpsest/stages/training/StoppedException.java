package dev.palimpsest.stages.training;

/** Thrown when a run ends early because it was asked to; all its work is saved. */
public final class StoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  StoppedException(String message) {
    super(message);
  }
}
