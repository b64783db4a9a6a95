package dev.palimpsest.checkpoints.tensors;

import java.nio.file.Path;

/** A file or folder that is not the readable checkpoint it should be. */
public sealed class CheckpointFormatException extends RuntimeException
    permits NpyHeader.UnreadableTypeException {
  private static final long serialVersionUID = 1L;

  /** The message for an adapter where a model is expected. */
  public static final String ADAPTER =
      "is a PEFT adapter, not a model; merge it into its base model first (in PEFT:"
          + " model.merge_and_unload().save_pretrained(FOLDER)) and give that folder";

  /** What is wrong, by what the reader has to do about it. */
  public enum Kind {
    /** Shorter than declared: copy or download it again. */
    TRUNCATED,
    /** The contents are inconsistent: fetch it again, or use an older one. */
    CORRUPT,
    /** Written by a later version of this program: update. */
    TOO_NEW,
    /** Something other than expected, or a variant that is not supported. */
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
