package dev.palimpsest.cli;

import dev.palimpsest.stages.StopRequest;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * SIGINT and SIGTERM as wishes to stop. The first one makes a {@link StopRequest}; a second one
 * ends the process at once, as by default.
 *
 * <p>Through reflection, since the only interface to signals that every JDK has ({@code
 * jdk.unsupported}) cannot be named without a warning. Where it is missing, signals keep their
 * usual meaning, and a run that is ended by them goes on from its last checkpoint.
 */
final class Signals implements AutoCloseable {
  private static final List<String> NAMES = List.of("INT", "TERM");
  private static final int SIGNALLED = 128;

  private final Map<Object, Object> before = new LinkedHashMap<>();

  private Signals() {}

  /** Listens until closed. */
  static Signals stop(StopRequest stop, PrintWriter err) {
    Signals signals = new Signals();
    AtomicInteger seen = new AtomicInteger();
    try {
      Class<?> handlers = Class.forName("sun.misc.SignalHandler");
      Object handler =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handlers},
              (proxy, method, args) -> {
                if (!method.getName().equals("handle")) {
                  return method.invoke(seen, args); // equals, hashCode, toString
                }
                if (seen.incrementAndGet() > 1) {
                  Runtime.getRuntime().halt(SIGNALLED + number(args[0]));
                }
                stop.make();
                err.println("stopping after the step under way; a second signal stops at once");
                err.flush();
                return null;
              });
      for (String name : NAMES) {
        Object signal = signal(name);
        signals.before.put(signal, handle(signal, handler));
      }
    } catch (ReflectiveOperationException e) {
      signals.close();
    }
    return signals;
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
