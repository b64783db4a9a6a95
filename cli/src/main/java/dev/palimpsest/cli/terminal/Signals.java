package dev.palimpsest.cli.terminal;

import dev.palimpsest.stages.training.StopRequest;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What SIGINT, SIGTERM and SIGHUP (the terminal is gone) mean while this is open. One that the
 * process was started to ignore, as by {@code nohup}, stays ignored.
 *
 * <p>Through reflection, since the only interface to signals that every JDK has ({@code
 * jdk.unsupported}) cannot be named without a warning. Where it is missing, signals keep their
 * usual meaning, and a run that is ended by them goes on from its last checkpoint.
 */
public final class Signals implements AutoCloseable {
  private static final List<String> NAMES = List.of("INT", "TERM", "HUP");

  /** How long work between two batches may take to end by itself once a stop is asked for. */
  private static final long GRACE_MILLIS = 1200;

  private static final long LOOK_MILLIS = 50;

  private final Map<Object, Object> before = new LinkedHashMap<>();
  private volatile boolean closed;

  private Signals() {}

  private interface Handler {
    /**
     * @param number the signal's
     */
    void handle(int number);
  }

  /**
   * The first one makes a {@link StopRequest}; a second one ends the process at once. Where nothing
   * would be lost, as while data are prepared or answers scored, the process does not wait long for
   * the work under way: whatever is on disk is what a kill would leave, and the same command goes
   * on from there.
   *
   * @param err where that is said
   */
  public static Signals stop(StopRequest stop, PrintWriter err) {
    AtomicInteger seen = new AtomicInteger();
    Signals signals = new Signals();
    signals.handle(
        number -> {
          if (seen.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(ExitCode.SIGNALLED + number);
          }
          stop.make();
          err.println("stopping; a second signal stops at once");
          err.flush();
          Thread wait = new Thread(() -> signals.haltWhenNothingIsLost(stop, err), "stopping");
          wait.setDaemon(true);
          wait.start();
        });
    return signals;
  }

  private void haltWhenNothingIsLost(StopRequest stop, PrintWriter err) {
    try {
      Thread.sleep(GRACE_MILLIS);
      while (stop.isAwaited()) {
        Thread.sleep(LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    if (!closed) { // the command has not come to its own end meanwhile
      err.println("stopped; run the same command to resume");
      err.flush();
      Runtime.getRuntime().halt(ExitCode.STOPPED);
    }
  }

  /**
   * They end the process at once, with the usual code. The JVM's own way runs the native library's
   * destructors under a kernel that may be computing, which crashes it.
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
      // This system or this JVM does not have it; the others are handled all the same.
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

  /** Gives signals back the meaning that they had. */
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
