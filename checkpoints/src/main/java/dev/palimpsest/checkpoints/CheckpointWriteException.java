package dev.palimpsest.checkpoints;

import org.jspecify.annotations.Nullable;

/** A checkpoint that could not be saved: why, and what is still intact. */
public final class CheckpointWriteException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CheckpointWriteException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
