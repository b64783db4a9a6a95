package dev.palimpsest.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TerminalAppenderTest {
  @Test
  void coloursAreForTerminalsOfPeopleWhoWantThem() {
    assertTrue(TerminalAppender.isColoured(Map.of("TERM", "xterm"), true));
    assertTrue(TerminalAppender.isColoured(Map.of("TERM", "xterm", "NO_COLOR", ""), true));
    assertFalse(TerminalAppender.isColoured(Map.of("TERM", "xterm", "NO_COLOR", "1"), true));
    assertFalse(TerminalAppender.isColoured(Map.of("TERM", "xterm"), false));
    assertFalse(TerminalAppender.isColoured(Map.of("TERM", "dumb"), true));
  }

  @Test
  void whatWantsAttentionIsColoured() {
    assertEquals("", TerminalAppender.colour(Level.INFO));
    assertEquals("\u001b[33m", TerminalAppender.colour(Level.WARN));
    assertEquals("\u001b[31m", TerminalAppender.colour(Level.ERROR));
  }
}
