package dev.palimpsest.stages.folder;

/** Another process is using the run folder. */
public final class RunFolderInUseException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RunFolderInUseException(String message) {
    super(message);
  }
}
