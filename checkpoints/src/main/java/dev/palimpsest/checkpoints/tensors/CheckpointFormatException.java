package dev.palimpsest.checkpoints.tensors;

import java.nio.file.Path;

/** A file or folder that is not the readable checkpoint it should be. */
public sealed class CheckpointFormatException extends RuntimeException
    permits NpyHeader.UnreadableTypeException {
  private static final long serialVersionUID = 1L;

  /** Said of an adapter where a model is wanted. */
  public static final String ADAPTER =
      "is a PEFT adapter, not a model; merge it into its base model first (in PEFT:"
          + " model.merge_and_unload().save_pretrained(FOLDER)) and give that folder";

  /** What is wrong, as far as the reader needs to act on it. */
  public enum Kind {
    /** Shorter than it says: copy or download it again. */
    TRUNCATED,
    /** Contents contradict themselves: fetch it again, or take an older one. */
    CORRUPT,
    /** Written by a later version of this program: update. */
    TOO_NEW,
    /** Something else than what was asked for, or a variant that is not read here. */
    FOREIGN
  }

  private final Kind kind;

  public CheckpointFormatException(Kind kind, Path file, String message) {
    super(file + ": " + message);
    this.kind = kind;
  }

  public CheckpointFormatException(Kind kind, Path file, String message, Throwable cause) {
    super(file + ": " + message, cause);
    this.kind = kind;
  }

  /** What is wrong. */
  public Kind kind() {
    return kind;
  }
}
