package dev.palimpsest.cli.terminal;

import ch.qos.logback.classic.pattern.ClassicConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import dev.palimpsest.files.Escape;

/**
 * The conversion word {@code %shown} of {@code logback.xml}: a message on one line without control
 * characters, with what was thrown as a sentence.
 */
public final class LogMessage extends ClassicConverter {
  @Override
  public String convert(ILoggingEvent event) {
    String message = RankLog.prefix() + Escape.line(String.valueOf(event.getFormattedMessage()));
    return event.getThrowableProxy() instanceof ThrowableProxy proxy
        ? message + ": " + Escape.line(Failure.of(proxy.getThrowable(), "").message())
        : message;
  }
}
