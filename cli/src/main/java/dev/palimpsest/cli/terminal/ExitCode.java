package dev.palimpsest.cli.terminal;

/** Exit codes; {@code Main} shows them under {@code --help}, the README in its table. */
public final class ExitCode {
  /** A check failed, a gate closed, a run diverged; or a fault of the program. */
  static final int FAILED = 1;

  /** A mistake that the user can mend: in an option, a recipe, a file. */
  public static final int USER_MISTAKE = 2;

  /** As the JVM itself ends with {@code -XX:+ExitOnOutOfMemoryError}. */
  static final int HEAP_EXHAUSTED = 3;

  /** Asked to stop, and the same command goes on: sysexits' EX_TEMPFAIL. */
  static final int STOPPED = 75;

  /** The settings ask more of the device than it has: sysexits' EX_CONFIG. */
  static final int DEVICE_MEMORY_EXHAUSTED = 78;

  /** Plus the signal's number: ended at once by a signal, as shells say it. */
  static final int SIGNALLED = 128;

  private ExitCode() {}
}
