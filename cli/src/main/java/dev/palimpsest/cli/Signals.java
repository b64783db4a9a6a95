package dev.palimpsest.cli;

import dev.palimpsest.stages.StopRequest;
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
final class Signals implements AutoCloseable {
  private static final List<String> NAMES = List.of("INT", "TERM", "HUP");
  private static final int SIGNALLED = 128;

  private final Map<Object, Object> before = new LinkedHashMap<>();

  private Signals() {}

  private interface Handler {
    /**
     * @param number the signal's
     */
    void handle(int number);
  }

  /**
   * The first one makes a {@link StopRequest}; a second one ends the process at once.
   *
   * @param err where that is said
   */
  static Signals stop(StopRequest stop, PrintWriter err) {
    AtomicInteger seen = new AtomicInteger();
    return handled(
        number -> {
          if (seen.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(SIGNALLED + number);
          }
          stop.make();
          err.println("stopping after the step under way; a second signal stops at once");
          err.flush();
        });
  }

  /**
   * They end the process at once, with the usual code. The JVM's own way runs the native library's
   * destructors under a kernel that may be computing, which crashes it.
   */
  static Signals end() {
    return handled(number -> Runtime.getRuntime().halt(SIGNALLED + number));
  }

  private static Signals handled(Handler handler) {
    Signals signals = new Signals();
    NAMES.forEach(name -> signals.handle(name, handler));
    return signals;
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
