package dev.palimpsest.cli.terminal;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;

/** The console of {@code logback.xml}: its lines go above the {@link StatusLine}. */
public final class TerminalAppender extends ConsoleAppender<ILoggingEvent> {
  @Override
  protected void subAppend(ILoggingEvent event) {
    StatusLine.above(() -> super.subAppend(event));
  }
}
