package dev.palimpsest.mixtures.formats;

/** A file does not have the form that it should have; the message names it and says where. */
public final class MalformedFileException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** Creates an exception with a message. */
  public MalformedFileException(String message) {
    super(message);
  }

  /** Creates an exception with the reader's own as its cause. */
  public MalformedFileException(String message, Throwable cause) {
    super(message, cause);
  }
}
