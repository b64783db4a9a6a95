package dev.palimpsest.cli.terminal;

import dev.palimpsest.files.Daemons;
import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Handles SIGINT, SIGTERM, SIGHUP (the terminal was closed) and SIGUSR1 (what mpirun and srun
 * forward) while this is open. A signal that the process was started to ignore, as with {@code
 * nohup}, remains ignored.
 *
 * <p>This uses reflection, because the only interface to signals that every JDK has ({@code
 * jdk.unsupported}) cannot be named without a warning. If it is missing, signals keep their usual
 * meaning, and a run that they end resumes from its last checkpoint.
 */
public final class Signals implements AutoCloseable {
  private static final List<String> NAMES = List.of("INT", "TERM", "HUP", "USR1");

  /** What Open MPI's mpirun and srun pass on to the processes; SIGTERM makes them kill those. */
  private static final String PASSED_ON = "USR1";

  /** How long work between two batches may take to end by itself once a stop was requested. */
  private static final long GRACE_MILLIS = 1200;

  private static final long LOOK_MILLIS = 50;

  private final Map<Object, Object> before = new LinkedHashMap<>();
  private volatile boolean closed;

  private Signals() {}

  private interface Handler {
    /**
     * @param number the signal's number
     */
    void handle(int number);
  }

  /**
   * Has the first signal make a {@link StopRequest} and a second one end the process at once. If
   * nothing would be lost, for example while data are prepared or answers are scored, the process
   * does not wait long for the current work: the files are as after a kill, and the same command
   * resumes from there.
   *
   * @param err receives the messages
   */
  public static Signals stop(StopRequest stop, PrintWriter err) {
    return stop(stop, err, () -> {});
  }

  /**
   * The same.
   *
   * @param lastWords run before the process is ended because nothing would be lost
   */
  public static Signals stop(StopRequest stop, PrintWriter err, Runnable lastWords) {
    AtomicInteger seen = new AtomicInteger();
    Signals signals = new Signals();
    Handler stopping =
        number -> {
          if (seen.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(ExitCode.SIGNALLED + number);
          }
          stop.make();
          err.println("stopping; a second signal stops at once");
          err.flush();
          Daemons.thread("stopping", () -> signals.haltWhenNothingIsLost(stop, err, lastWords))
              .start();
        };
    signals.handle(stopping);
    signals.handle(PASSED_ON, stopping);
    return signals;
  }

  private void haltWhenNothingIsLost(StopRequest stop, PrintWriter err, Runnable lastWords) {
    try {
      Thread.sleep(GRACE_MILLIS);
      while (stop.isAwaited()) {
        Thread.sleep(LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    if (!closed) { // the command has not ended by itself in the meantime
      lastWords.run();
      err.println("stopped; run the same command to resume");
      err.flush();
      Runtime.getRuntime().halt(ExitCode.STOPPED.code());
    }
  }

  /**
   * Has the first signal passed on to other processes, whose end this one waits for, and a second
   * one end all of them at once.
   *
   * @param first what is done with the first one
   * @param second what is done before this process ends
   */
  public static Signals pass(Runnable first, Runnable second) {
    AtomicInteger seen = new AtomicInteger();
    Signals signals = new Signals();
    signals.handle(
        number -> {
          if (seen.incrementAndGet() > 1) {
            second.run();
            Runtime.getRuntime().halt(ExitCode.SIGNALLED + number);
          }
          first.run();
        });
    return signals;
  }

  /**
   * Has a signal end the process at once, with the usual exit code. The JVM's own handling runs the
   * native library's destructors while a kernel may still be computing, which crashes.
   *
   * @param first what is done before
   */
  public static Signals end(Runnable first) {
    Signals signals = new Signals();
    signals.handle(
        number -> {
          first.run();
          Runtime.getRuntime().halt(ExitCode.SIGNALLED + number);
        });
    return signals;
  }

  private void handle(Handler handler) {
    NAMES.forEach(name -> handle(name, handler));
  }

  private void handle(String name, Handler handler) {
    try {
      Object signal = signal(name);
      before.put(signal, handle(signal, proxy(handler)));
    } catch (ReflectiveOperationException e) {
      // This system or JVM does not have it; the others are still handled.
    }
  }

  private static Object proxy(Handler handler) throws ReflectiveOperationException {
    return Proxy.newProxyInstance(
        Signals.class.getClassLoader(),
        new Class<?>[] {Class.forName("sun.misc.SignalHandler")},
        (self, method, args) -> {
          if (!method.getName().equals("handle")) {
            return method.invoke(handler, args); // equals, hashCode, toString
          }
          handler.handle(number(args[0]));
          return null;
        });
  }

  private static Object signal(String name) throws ReflectiveOperationException {
    return Class.forName("sun.misc.Signal").getConstructor(String.class).newInstance(name);
  }

  private static int number(Object signal) throws ReflectiveOperationException {
    return (int) signal.getClass().getMethod("getNumber").invoke(signal);
  }

  private static Object handle(Object signal, Object handler) throws ReflectiveOperationException {
    return signal
        .getClass()
        .getMethod("handle", signal.getClass(), Class.forName("sun.misc.SignalHandler"))
        .invoke(null, signal, handler);
  }

  /** Restores the previous handling of signals. */
  @Override
  public void close() {
    closed = true;
    before.forEach(
        (signal, handler) -> {
          try {
            handle(signal, handler);
          } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
          }
        });
    before.clear();
  }
}
