package dev.palimpsest.cli.chaos;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import dev.palimpsest.cli.machine.ProcessGroup;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Iterator;
import org.slf4j.LoggerFactory;

/**
 * The command line under observation: it writes every {@link KillPoint} that it reaches to a file,
 * and reports the one at which it is to be killed to the process that started it. Then it waits
 * there, or continues, until it is killed.
 */
public final class Victim {
  /** System property: file that receives {@code KIND line} for each point reached. */
  static final String TRACE = "palimpsest.chaos.trace";

  /** System property: the run folder. */
  static final String ROOT = "palimpsest.chaos.root";

  /** System property: line of the point at which to be killed; absent for none. */
  static final String TARGET = "palimpsest.chaos.target";

  /** System property: whether to wait there. */
  static final String HOLD = "palimpsest.chaos.hold";

  /** What is printed on standard output there, before the process's number. */
  static final String REACHED = "chaos: reached by ";

  private Victim() {}

  /**
   * Runs a program.
   *
   * @param args name of its main class, then its arguments
   */
  public static void main(String[] args) throws IOException, ReflectiveOperationException {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    for (Iterator<Appender<ILoggingEvent>> i = root.iteratorForAppenders(); i.hasNext(); ) {
      i.next().addFilter(new AtLeastInfo());
    }
    Observer observer = new Observer();
    observer.setContext(context);
    observer.start();
    Logger ours = context.getLogger("dev.palimpsest");
    ours.setLevel(Level.DEBUG);
    ours.addAppender(observer);
    Class.forName(args[0])
        .getMethod("main", String[].class)
        .invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
  }

  /** Leaves the console unchanged. */
  private static final class AtLeastInfo extends Filter<ILoggingEvent> {
    @Override
    public FilterReply decide(ILoggingEvent event) {
      return event.getLevel().isGreaterOrEqual(Level.INFO) ? FilterReply.NEUTRAL : FilterReply.DENY;
    }
  }

  private static final class Observer extends UnsynchronizedAppenderBase<ILoggingEvent> {
    private final Path folder = Path.of(System.getProperty(ROOT));
    private final String target = System.getProperty(TARGET, "");
    private final boolean hold = Boolean.getBoolean(HOLD);
    private final int rank = ProcessGroup.fromEnvironment(System.getenv()).rank();
    private final PrintStream trace;

    Observer() throws IOException {
      trace =
          new PrintStream(
              Files.newOutputStream(
                  Path.of(System.getProperty(TRACE)),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.APPEND),
              true,
              StandardCharsets.UTF_8);
    }

    @Override
    protected void append(ILoggingEvent event) {
      String name = event.getLoggerName();
      KillPoint.of(name.substring(name.lastIndexOf('.') + 1), event.getFormattedMessage(), folder)
          .map(place -> place.onRank(rank))
          .ifPresent(this::reached);
    }

    private void reached(KillPoint place) {
      trace.println(place.kind() + " " + place.line());
      if (!place.line().equals(target)) {
        return;
      }
      System.out.println(REACHED + ProcessHandle.current().pid());
      System.out.flush();
      while (hold) {
        try {
          Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException e) {
          throw new UncheckedIOException(new IOException("not killed at " + place, e));
        }
      }
    }
  }
}
