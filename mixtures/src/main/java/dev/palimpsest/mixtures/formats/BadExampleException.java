package dev.palimpsest.mixtures.formats;

import org.jspecify.annotations.Nullable;

/** An example that cannot be used. The message names it: source file and line, and the picture. */
public final class BadExampleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Creates an exception whose message names the example. */
  public BadExampleException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
