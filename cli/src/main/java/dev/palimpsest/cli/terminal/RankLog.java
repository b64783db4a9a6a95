package dev.palimpsest.cli.terminal;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.Iterator;
import org.slf4j.LoggerFactory;

/**
 * What is shown of a rank other than the first, whose lines appear among those of the others: only
 * warnings, and each says from where it comes.
 */
public final class RankLog {
  private static volatile String prefix = "";

  private RankLog() {}

  /** From now on this process logs as a rank; the first one logs as always. */
  public static void speakAs(int rank) {
    if (rank == 0) {
      return;
    }
    prefix = "rank " + rank + ": ";
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    for (Iterator<Appender<ILoggingEvent>> i = root.iteratorForAppenders(); i.hasNext(); ) {
      i.next().addFilter(new Warnings());
    }
  }

  /** The beginning of each line: {@code rank 3: }; empty for the first rank. */
  public static String prefix() {
    return prefix;
  }

  private static final class Warnings extends Filter<ILoggingEvent> {
    @Override
    public FilterReply decide(ILoggingEvent event) {
      return event.getLevel().isGreaterOrEqual(Level.WARN) ? FilterReply.NEUTRAL : FilterReply.DENY;
    }
  }
}
