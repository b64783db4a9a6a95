package dev.palimpsest.model.ranks;

import dev.palimpsest.files.Daemons;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends this process when an operation between ranks does not return: another rank hangs, or has
 * gone without its launcher noticing. If the thread is inside the library, no exception can be
 * thrown; a thread that polls ({@link #polled}, {@link #overdue}) throws one itself.
 *
 * <p>The rank that notices leaves a file {@code stuck} in the folder that all ranks share. Each
 * rank that sees it writes the stack trace of each of its threads to {@code stacks-rank-N.txt}
 * beside it, above all the one that the others wait for, and ends with {@link #EXIT_CODE}.
 */
public final class Watchdog implements AutoCloseable {
  /** Infrastructure failed; to be started again, best without the node that is named. */
  public static final int EXIT_CODE = 76;

  private static final Logger log = LoggerFactory.getLogger(Watchdog.class);
  private static final long LOOK_NANOS = 500_000_000;

  /** How long the rank that noticed waits for the others' stack traces. */
  private static final long OTHERS_NANOS = 3_000_000_000L;

  /** How long a thread that polls has to end the process with an exception. */
  private static final long UNWIND_NANOS = 60_000_000_000L;

  private final int rank;
  private final Path folder;
  private final Duration limit;
  private long begun;
  private volatile @Nullable Operation current;
  private volatile @Nullable String overdue;
  private volatile boolean armed;
  private volatile boolean closed;

  private record Operation(long number, String what, boolean isPolled) {}

  /**
   * Starts to watch.
   *
   * @param folder shared by all ranks; created when it is needed
   * @param limit how long an operation may take
   */
  public Watchdog(int rank, Path folder, Duration limit) {
    this.rank = rank;
    this.folder = folder;
    this.limit = limit;
    forget();
    Daemons.thread("watchdog", this::watch).start();
  }

  /** What an earlier run left. */
  private void forget() {
    try {
      Files.deleteIfExists(stacks());
      if (rank == 0) {
        Files.deleteIfExists(stuck());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove what an earlier run left in " + folder, e);
    }
  }

  /** All ranks have started, and the first has removed what an earlier run left. */
  void arm() {
    armed = true;
  }

  /** An operation begins. */
  void begin(String what) {
    current = new Operation(++begun, what, false);
  }

  /** The thread has come back from the library and looks for the operation's end itself. */
  void polled() {
    Operation operation = current;
    if (operation != null) {
      current = new Operation(operation.number(), operation.what(), true);
    }
  }

  /**
   * Why the thread that polls has to give up.
   *
   * @return null while it is in time
   */
  @Nullable String overdue() {
    return overdue;
  }

  /** It has returned. */
  void end() {
    current = null;
  }

  /**
   * Counts an operation's time in looks, so that time in which all of the process was suspended, as
   * a scheduler may do, does not count.
   */
  private void watch() {
    long before = 0;
    long waited = 0;
    while (!closed) {
      LockSupport.parkNanos(LOOK_NANOS);
      Operation operation = current;
      long number = operation == null ? 0 : operation.number();
      waited = number == before ? waited + LOOK_NANOS : 0;
      before = number;
      if (operation != null && waited > limit.toNanos()) {
        String late =
            "has not returned for %d s, so another rank hangs or is gone"
                .formatted(limit.toSeconds());
        record("rank %d: %s %s".formatted(rank, operation.what(), late), true);
        sleep(OTHERS_NANOS);
        overdue = "it %s; stack traces are in %s".formatted(late, folder);
        if (operation.isPolled()) {
          sleep(UNWIND_NANOS);
        }
        Runtime.getRuntime().halt(EXIT_CODE);
      } else if (armed && Files.exists(stuck())) {
        record(
            "rank %d: another rank waits in vain%s"
                .formatted(rank, operation == null ? ", for this one" : ""),
            false);
        Runtime.getRuntime().halt(EXIT_CODE);
      }
    }
  }

  private static void sleep(long nanos) {
    long until = System.nanoTime() + nanos;
    while (System.nanoTime() < until) {
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private void record(String why, boolean first) {
    try {
      Files.createDirectories(folder);
      Files.writeString(stacks(), why + "\n\n" + stackTraces());
      if (first) {
        Files.writeString(stuck(), why + "\n");
      }
    } catch (IOException e) {
      log.warn("cannot write stack traces to {}; they follow\n{}", folder, stackTraces(), e);
    }
    log.error("{}; stack traces are in {}", why, folder);
  }

  private static String stackTraces() {
    StringBuilder text = new StringBuilder();
    for (Map.Entry<Thread, StackTraceElement[]> thread : Thread.getAllStackTraces().entrySet()) {
      text.append(thread.getKey().getName())
          .append(" (")
          .append(thread.getKey().getState())
          .append(")\n");
      for (StackTraceElement frame : thread.getValue()) {
        text.append("  at ").append(frame).append('\n');
      }
      text.append('\n');
    }
    return text.toString();
  }

  private Path stuck() {
    return folder.resolve("stuck");
  }

  private Path stacks() {
    return folder.resolve("stacks-rank-" + rank + ".txt");
  }

  /** Stops watching. */
  @Override
  public void close() {
    closed = true;
  }
}
