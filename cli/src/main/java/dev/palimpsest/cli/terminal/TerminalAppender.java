package dev.palimpsest.cli.terminal;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import java.util.Map;

/**
 * The console of {@code logback.xml}: its lines go above the {@link StatusLine}. On a terminal
 * warnings are yellow and errors red, unless {@code NO_COLOR} is set (no-color.org).
 */
public final class TerminalAppender extends ConsoleAppender<ILoggingEvent> {
  private static final String PLAIN = "\u001b[0m";

  @SuppressWarnings("SystemConsoleNull") // as in RunProgress
  private final boolean coloured = isColoured(System.getenv(), System.console() != null);

  @Override
  protected void subAppend(ILoggingEvent event) {
    String colour = coloured ? colour(event.getLevel()) : "";
    StatusLine.above(
        () -> {
          System.err.print(colour);
          super.subAppend(event);
          System.err.print(colour.isEmpty() ? "" : PLAIN);
          System.err.flush();
        });
  }

  /** Whether to use colours: on a terminal that has them, if nobody objects. */
  static boolean isColoured(Map<String, String> environment, boolean terminal) {
    return terminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !environment.getOrDefault("TERM", "dumb").equals("dumb");
  }

  /** What switches a level's colour on; empty for those without one. */
  static String colour(Level level) {
    if (level.isGreaterOrEqual(Level.ERROR)) {
      return "\u001b[31m";
    }
    return level.isGreaterOrEqual(Level.WARN) ? "\u001b[33m" : "";
  }
}
