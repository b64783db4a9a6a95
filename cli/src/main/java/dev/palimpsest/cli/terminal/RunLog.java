package dev.palimpsest.cli.terminal;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.FileAppender;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/**
 * {@code run.log}: what is logged while this is open, with dates, time zone and stack traces. It is
 * appended to, so that it tells the story of all processes that have worked on the run.
 */
public final class RunLog implements AutoCloseable {
  private static final String LINE = "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %shown%n%ex";

  private final Logger root;
  private final FileAppender<ILoggingEvent> file = new FileAppender<>();

  private RunLog(LoggerContext context, Path path) {
    root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern(LINE);
    encoder.start();
    file.setContext(context);
    file.setFile(path.toString());
    file.setEncoder(encoder);
    file.start();
    root.addAppender(file);
  }

  /** Begins to write to a file; another process may be writing to it too. */
  public static RunLog open(Path path) {
    return new RunLog((LoggerContext) LoggerFactory.getILoggerFactory(), path);
  }

  /** Writes why the work ends, to this file only, because the terminal shows it anyway. */
  public void end(String why, Throwable thrown) {
    file.doAppend(
        new LoggingEvent(RunLog.class.getName(), root, Level.ERROR, why, thrown, new Object[0]));
  }

  @Override
  public void close() {
    root.detachAppender(file);
    file.stop();
  }
}
