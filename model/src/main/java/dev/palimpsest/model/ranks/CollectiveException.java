package dev.palimpsest.model.ranks;

import org.jspecify.annotations.Nullable;

/** Ranks cannot be connected, or an operation between them failed. The run resumes elsewhere. */
public final class CollectiveException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CollectiveException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
