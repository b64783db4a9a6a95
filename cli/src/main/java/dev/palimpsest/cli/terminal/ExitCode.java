package dev.palimpsest.cli.terminal;

import dev.palimpsest.model.ranks.Watchdog;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How a process ends: one table for every command, for {@code --help}, for the README and for the
 * launchers, which decide by it whether to start again.
 *
 * <p>75, 76, 77 and 78 are EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM and EX_CONFIG of sysexits; only the
 * first is used in its sense.
 */
public enum ExitCode {
  /** All that was asked for is there. */
  DONE(0, "done", "done", Restart.NOT_NEEDED),
  /** Also a fault of the program, which the same command would meet again. */
  CHECK_FAILED(1, "failed", "a check failed, or the program has a fault", Restart.IN_VAIN),
  /** The user's, who can correct it. */
  MISTAKE(
      2,
      "mistake",
      "a mistake in an option, a recipe or a file, which you can correct",
      Restart.IN_VAIN),
  /** The exit code of the JVM itself with {@code -XX:+ExitOnOutOfMemoryError}. */
  HEAP_EXHAUSTED(3, "heap exhausted", "the Java heap is exhausted", Restart.IN_VAIN),
  /** The same command resumes where it stopped. */
  STOPPED(
      75,
      "saved and stopped",
      "saved and stopped by a signal; run the same command again to resume",
      Restart.FREE),
  /** Nothing is wrong with what was asked for. */
  INFRASTRUCTURE(
      Watchdog.EXIT_CODE,
      "infrastructure",
      "a machine, network or file system failed; run the same command again to resume from the last checkpoint",
      Restart.COUNTED),
  /** Somebody has to look at what is there, and decide. */
  POLICY_STOP(
      77,
      "stopped by a rule",
      "stopped by a rule of the recipe: a guard, a gate or the search for duplicates; look at what it found",
      Restart.IN_VAIN),
  /** The settings need more memory than the device has. */
  DEVICE_MEMORY_EXHAUSTED(
      78, "device memory", "the memory for arrays is exhausted", Restart.IN_VAIN),
  /** Somebody has to look at the data, and restore them or accept the change. */
  DATA_CHANGED(
      79, "data changed", "the data are not those that the stage began with", Restart.IN_VAIN);

  /** Plus the signal's number: terminated at once by a signal, as in shells. */
  public static final int SIGNALLED = 128;

  /** What a second start of the same command would do. */
  public enum Restart {
    /** There is nothing left to do. */
    NOT_NEEDED("no"),
    /** It would end in the same way. */
    IN_VAIN("no"),
    /** It resumes, as often as it is stopped. */
    FREE("yes, without limit"),
    /** It resumes; but what keeps failing is broken. */
    COUNTED("yes, a limited number of times");

    private final String words;

    Restart(String words) {
      this.words = words;
    }
  }

  private final int code;
  private final String brief;
  private final String meaning;
  private final Restart restart;

  ExitCode(int code, String brief, String meaning, Restart restart) {
    this.code = code;
    this.brief = brief;
    this.meaning = meaning;
    this.restart = restart;
  }

  /** Under the help of every command. */
  public static final String FOOTER =
      "Exit codes: "
          + Arrays.stream(values())
              .map(e -> "%d %s".formatted(e.code, e.brief))
              .collect(Collectors.joining(", "))
          + ". More: palimpsest --help";

  /** That of a command which checks something. */
  public static int check(boolean holds) {
    return (holds ? DONE : CHECK_FAILED).code;
  }

  /** The number that the process ends with. */
  public int code() {
    return code;
  }

  /** What it means, in words. */
  public String meaning() {
    return meaning;
  }

  /** What a second start would do. */
  public Restart restart() {
    return restart;
  }

  /** The codes of a kind, ascending. */
  public static List<Integer> codes(Restart restart) {
    return Arrays.stream(values()).filter(e -> e.restart == restart).map(ExitCode::code).toList();
  }

  /** All codes, ascending. */
  public static List<Integer> codes() {
    return Arrays.stream(values()).map(ExitCode::code).toList();
  }

  /** Code and meaning, for {@code --help}; the last line is that of signals. */
  public static Map<String, String> table() {
    Map<String, String> table = new LinkedHashMap<>();
    for (ExitCode exit : values()) {
      table.put("%3d".formatted(exit.code), exit.meaning);
    }
    table.put(
        Integer.toString(SIGNALLED),
        "or more: terminated at once by signal N - 128, where N is the exit code");
    return table;
  }

  /** The table in Markdown, as in the README. */
  public static String markdown() {
    return "| exit code | | start again? |\n|---:|---|---|\n"
        + Arrays.stream(values())
            .map(e -> "| %d | %s | %s |\n".formatted(e.code, e.meaning, e.restart.words))
            .collect(Collectors.joining())
        + "| %d | %s | yes |\n".formatted(SIGNALLED, table().get(Integer.toString(SIGNALLED)));
  }
}
