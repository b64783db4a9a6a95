package dev.palimpsest.mixtures.formats;

/** A file is not in the form that it should have; the message names it and says where. */
public final class MalformedFileException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** An exception with a message alone. */
  public MalformedFileException(String message) {
    super(message);
  }

  /** An exception with the reader's own one. */
  public MalformedFileException(String message, Throwable cause) {
    super(message, cause);
  }
}
