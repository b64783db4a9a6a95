package dev.palimpsest.cli.terminal;

/** Exit codes; {@code Main} shows them under {@code --help}, the README in its table. */
public final class ExitCode {
  /** A check failed, a gate closed, a run diverged, or the program has a fault. */
  static final int FAILED = 1;

  /** A mistake that the user can correct: in an option, a recipe or a file. */
  public static final int USER_MISTAKE = 2;

  /** The exit code of the JVM itself with {@code -XX:+ExitOnOutOfMemoryError}. */
  public static final int HEAP_EXHAUSTED = 3;

  /** Stopped on request; the same command resumes. EX_TEMPFAIL of sysexits. */
  static final int STOPPED = 75;

  /** The settings need more memory than the device has. EX_CONFIG of sysexits. */
  static final int DEVICE_MEMORY_EXHAUSTED = 78;

  /** Plus the signal's number: terminated at once by a signal, as in shells. */
  static final int SIGNALLED = 128;

  private ExitCode() {}
}
